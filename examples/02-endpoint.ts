// An endpoint of an app: its handler makes a poster, and the calls that it makes are attributed to its caller's request.
//
//   node examples/02-endpoint.ts              serves on $PORT (8080 on fal)
//   node examples/02-endpoint.ts --self-test  calls itself: once to the end, once leaving early

import { setImmediate } from "node:timers/promises";
import { serve } from "@hono/node-server";
import { createFal } from "fal-chain";
import { emulatorUnlessKey } from "fal-chain/emulator";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { posterOf } from "./chains/poster.ts";

const { env, emulator, close } = await emulatorUnlessKey();
const fal = createFal({ env });
const poster = posterOf(fal);

const app = new Hono();
app.get("/health", (c) => c.json({ version: "1" }));
app.post("/poster", async (c) => {
  const { prompt } = await c.req.json<{ prompt?: unknown }>();
  if (typeof prompt !== "string" || prompt === "") {
    const msg = "field required";
    return c.json({ detail: [{ loc: ["body", "prompt"], msg, type: "missing" }] }, 422);
  }

  // The signal of the request: a caller that leaves cancels what it started, upstream too.
  const run = fal.withRequest(c.req.raw, () => poster.start({ prompt }, { abortSignal: c.req.raw.signal }));
  return streamSSE(c, async (stream) => {
    const send = (event: string, data: unknown) => stream.writeSSE({ event, data: JSON.stringify(data) });
    try {
      for await (const event of run) {
        if (event.type === "call") await send(event.event.type, { step: event.call.step, ...event.event });
        if (event.type === "settled") await send("total", event.total);
      }
      await send("result", await run);
    } catch (error) {
      await send("error", { message: error instanceof Error ? error.message : String(error) });
    }
  });
});

const isSelfTest = process.argv.includes("--self-test");
const port = isSelfTest ? 0 : Number(process.env["PORT"] ?? 8080);
const server = serve({ fetch: app.fetch, port }, (address) => {
  const url = `http://127.0.0.1:${address.port}/poster`;
  if (isSelfTest) void selfTest(url);
  else console.log(`curl -N ${url} -H 'x-fal-request-id: req-1' -d '{"prompt":"a fox"}'`);
});

async function selfTest(url: string): Promise<void> {
  const post = (prompt: string, id: string, signal?: AbortSignal) =>
    fetch(url, {
      method: "POST",
      headers: { "x-fal-request-id": id },
      body: JSON.stringify({ prompt }),
      ...(signal && { signal }),
    });

  const events = await (await post("a fox in the snow", "req-1")).text();
  console.log(events.match(/^event: .*$/gm)?.join("\n"));
  check(events.includes("event: result"), "the caller gets the result");

  const leaving = new AbortController();
  const early = await post("a cherry tree", "req-2", leaving.signal);
  const reader = early.body?.getReader();
  while (!new TextDecoder().decode((await reader?.read())?.value).includes("event: running"));
  leaving.abort();

  if (emulator) {
    const jobsOf = (id: string) => emulator.emulator.jobs.filter((job) => job.tags["request"] === id);
    check(jobsOf("req-1").length === 3, "each call is tagged with the request");
    // Cancelling goes on for a moment after the caller has gone.
    while (jobsOf("req-2").some((job) => job.state !== "COMPLETED")) await setImmediate();
    check(jobsOf("req-2")[0]?.cancelled === true, "a caller that leaves cancels what it started");
  }
  server.close();
  await fal.close();
  await close();
}

function check(holds: boolean, what: string): void {
  console.log(`${holds ? "yes" : "NO"}: ${what}`);
  if (!holds) process.exitCode = 1;
}
