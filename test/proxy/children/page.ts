import { createFalClient } from "@fal-ai/client";
import { createFal, type Fal } from "fal-chain";

// What a page does, in a real browser: it tells the server what came of it, and all that its console was told.

const said: string[] = [];
for (const name of ["warn", "error"] as const)
  console[name] = (...what: unknown[]) => said.push(what.join(" "));
addEventListener("error", ({ message }) => said.push(message));
addEventListener("unhandledrejection", ({ reason }) => said.push(String(reason)));

const proxyUrl = "/api/fal/proxy";
const ours = createFal({ proxyUrl });
const theirs = createFalClient({ proxyUrl }) as unknown as Fal;

async function useIt(fal: Fal) {
  const updates: string[] = [];
  const file = new File(["a fox"], "fox.txt", { type: "text/plain" });
  const { data } = await fal.subscribe("acme/slow", {
    input: { text: "a fox", image_url: file },
    mode: "streaming",
    logs: true,
    onQueueUpdate: ({ status }) => updates.push(status),
  });
  const { echo } = data as { echo: { text: string; image_url: string } };
  const uploaded = await (await fetch(echo.image_url)).text();
  const direct = (await fal.run("acme/echo", { input: { n: 1 } })).data;
  const pieces: unknown[] = [];
  for await (const event of await fal.stream("acme/streams", { input: {} })) pieces.push(event);
  const refused = await fal.queue.submit("other/model", { input: {} }).catch(({ status }) => status);
  return { text: echo.text, updates: [...new Set(updates)], uploaded, direct, pieces, refused };
}

/** What only this client does: it tells everything in order, and gives up a call at once, at fal too. */
async function useMore(fal: Fal) {
  const call = fal.subscribe("acme/slow", { input: { text: "a hare" }, logs: true });
  const events: string[] = [];
  for await (const { type } of call) if (events.at(-1) !== type) events.push(type);
  const controller = new AbortController();
  const given = fal.subscribe("acme/slow", { input: {}, abortSignal: controller.signal });
  await given.submitted;
  controller.abort();
  const error = (await given.then(undefined, (error) => error)) as { name: string; cancel: Promise<string> };
  const cancelled = [error.name, await error.cancel];
  await fal.close();
  return { events, cancelled };
}

async function told(what: () => Promise<object>): Promise<object> {
  return what().catch((error: Error) => ({ failed: `${error.name}: ${error.message}\n${error.stack}` }));
}

const report = {
  ours: await told(() => useIt(ours)),
  theirs: await told(() => useIt(theirs)),
  more: await told(() => useMore(ours)),
  said,
};
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
