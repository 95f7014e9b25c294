// What an app costs over plain Hono: the same endpoint (a JSON body that is checked, a JSON answer, no call) served by
// both, each in a process of its own, over sockets that stay open. The CPU is that of the serving process alone.
//
//   npm run bench:app
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { serve } from "@hono/node-server";
import { createFal } from "fal-chain";
import { defineApp } from "fal-chain/app";
import { Hono } from "hono";
import * as z from "zod";
import { median, table } from "./report.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 15);
const REQUESTS = 2_000;
const AT_ONCE = 16;

const input = z.object({ prompt: z.string(), seed: z.number().optional() });
const output = z.object({ prompt: z.string(), length: z.number() });
const answer = ({ prompt }: { prompt: string }) => ({ prompt, length: prompt.length });

/** The servers, by name. Each tells its port. */
const SERVERS: Record<string, () => Promise<number>> = {
  "plain Hono": () => {
    const app = new Hono();
    app.post("/", async (c) => {
      const checked = input.safeParse(await c.req.json());
      if (!checked.success) return c.json({ detail: checked.error.issues }, 422);
      return c.json(output.parse(answer(checked.data)));
    });
    return new Promise((resolve) => serve({ fetch: app.fetch, port: 0 }, ({ port }) => resolve(port)));
  },
  "an app, run: false": () => served(false),
  "an app": () => served(true),
};

async function served(run: boolean): Promise<number> {
  const fal = createFal({
    store: "memory",
    env: { ...process.env, FAL_KEY: "any:key", FAL_JOB_ID: "bench" },
  });
  const endpoints = { "/": { run, input, output, handler: answer } };
  const { port } = await defineApp({ name: "bench", fal, endpoints }).serve({ port: 0, metricsPort: 0 });
  return port;
}

const [, , serving] = process.argv;
if (serving) {
  const port = await SERVERS[serving]?.();
  process.on("message", () => process.send?.(process.cpuUsage()));
  process.send?.(port);
} else {
  await measure();
}

async function measure(): Promise<void> {
  const seen = new Map(Object.keys(SERVERS).map((name) => [name, [] as number[]]));
  const servers = await Promise.all(
    [...seen.keys()].map(async (name) => ({ name, ...(await started(name)) })),
  );
  for (let round = -3; round < ROUNDS; round++) {
    for (const { name, child, port } of servers) {
      const before = await cpuOf(child);
      await ask(port, REQUESTS);
      // The first rounds warm up.
      if (round >= 0) seen.get(name)?.push(((await cpuOf(child)) - before) / REQUESTS);
    }
  }
  const bare = median(seen.get("plain Hono") ?? []);
  table(
    ["", "CPU µs a request", "times plain Hono"],
    [...seen].map(([name, cpu]) => [name, median(cpu).toFixed(0), (median(cpu) / bare).toFixed(2)]),
  );
  for (const { child } of servers) child.kill("SIGKILL");
}

async function started(name: string): Promise<{ child: ChildProcess; port: number }> {
  const env = { ...process.env, FAL_CHAIN_LOG: "warn" };
  const child = fork(import.meta.filename, [name], { env, execArgv: process.execArgv, silent: true });
  for (;;) {
    const [said] = await once(child, "message");
    if (typeof said === "number") return { child, port: said };
  }
}

/** In microseconds. */
async function cpuOf(child: ChildProcess): Promise<number> {
  const said = once(child, "message");
  child.send("cpu");
  const [{ user, system }] = (await said) as [NodeJS.CpuUsage];
  return user + system;
}

async function ask(port: number, times: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let left = times;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const sent = request(
        {
          port,
          agent,
          method: "POST",
          headers: { "content-type": "application/json", "x-fal-request-id": crypto.randomUUID() },
        },
        (response) => response.resume().on("end", resolve),
      );
      sent.on("error", reject).end('{"prompt":"a lighthouse at dawn","seed":7}');
    });
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await one();
    }),
  );
  agent.destroy();
}
