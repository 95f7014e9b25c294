// A webhook instead of waiting: a picture's upscale is submitted, and the result is posted to a server of our own.
//
//   node examples/04-webhook.ts
//
// With FAL_KEY set it needs PUBLIC_URL, an address at which fal can reach this server: fal posts to no private address.

import { serve } from "@hono/node-server";
import { createFal } from "fal-chain";
import { emulatorUnlessKey } from "fal-chain/emulator";
import { receiveWebhook, type Webhook, WebhookError } from "fal-chain/webhooks";

const { env, emulator, close } = await emulatorUnlessKey();
const publicUrl = process.env["PUBLIC_URL"];
if (!emulator && !publicUrl) throw new Error("Set PUBLIC_URL to an address that leads to port 8080 here.");
if (emulator)
  console.log("No FAL_KEY: the built-in emulator stands in for fal. No model runs, and nothing is paid.");

const fal = createFal({ env });
const jwks = emulator && { jwksUrl: `${emulator.url}/rest/.well-known/jwks.json` };
const seen = new Set<string>();
const arrived = Promise.withResolvers<Webhook>();

async function onHook(request: Request): Promise<Response> {
  try {
    const hook = await receiveWebhook(request, jwks);
    // A hook may come again, so each request counts once.
    if (!seen.has(hook.requestId)) arrived.resolve(hook);
    seen.add(hook.requestId);
    return new Response(null, { status: 204 });
  } catch (error) {
    if (!(error instanceof WebhookError)) throw error;
    return new Response(error.message, { status: error.status });
  }
}

const server = serve({ fetch: onHook, port: emulator ? 0 : 8080 }, async ({ port }) => {
  const forged = await onHook(new Request("http://localhost", { method: "POST", body: '{"status":"OK"}' }));
  console.log(`a hook that nobody signed is answered with ${forged.status}`);

  // The file is uploaded before the call is paid, and its URL takes its place.
  const { data: drawn } = await fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a fox" } });
  const picture = await (await fetch(drawn.images[0]!.url)).blob();
  const { request_id } = await fal.queue.submit("fal-ai/esrgan", {
    input: { image_url: picture, scale: 2 },
    webhookUrl: publicUrl ?? `http://127.0.0.1:${port}/hook`,
  });
  console.log(`submitted ${request_id}`);
});

const hook = await arrived.promise;
console.log(`received ${hook.requestId}: ${hook.status}`, hook.payload);
server.close();
await fal.close();
await close();
