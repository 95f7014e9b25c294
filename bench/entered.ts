// How long the way of a call is: the files and functions of the package that one subscribe enters, and one chain with one
// call, as V8 counts them. With FUNCTIONS=1 it lists them.
//
//   npm run bench:entered
import { Session } from "node:inspector/promises";
import { createFal, memoryStore } from "fal-chain";
import { table } from "./report.ts";

const ENDPOINT = "acme/echo";
const SOURCES = new URL("../src/", import.meta.url).href;
const settings = () => ({ env: { FAL_KEY: "any:key" }, fetch: answered, store: memoryStore() });

/** fal, as a function: a call is in the queue, then done. */
async function answered(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const { pathname } = new URL(input instanceof Request ? input.url : input);
  if (init?.method === "POST") return Response.json({ request_id: crypto.randomUUID(), queue_position: 0 });
  if (pathname.endsWith("/status/stream")) {
    const headers = { "content-type": "text/event-stream" };
    return new Response('data: {"status":"COMPLETED","logs":[]}\n\n', { headers });
  }
  if (pathname.startsWith("/v1/")) return Response.json({ prices: [], has_more: false, next_cursor: null });
  return Response.json({ done: true }, { headers: { "x-fal-billable-units": "1" } });
}

/** The functions of each file that were entered, without those that only define others. */
async function enteredBy(act: () => PromiseLike<unknown>): Promise<Map<string, string[]>> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await act();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  session.disconnect();
  const files = new Map<string, string[]>();
  for (const { url, functions } of result) {
    if (!url.startsWith(SOURCES)) continue;
    // What begins where its file begins is the module itself.
    const entered = functions.filter(({ ranges: [all] }) => all && all.count > 0 && all.startOffset > 0);
    const names = entered.map(({ functionName }) => functionName || "(anonymous)");
    if (names.length > 0) files.set(url.slice(SOURCES.length), names);
  }
  return files;
}

function counted(name: string, files: Map<string, string[]>): string[] {
  const lines = [...files]
    .sort()
    .map(([file, names]) => `  ${file} (${names.length}): ${names.join(", ")}\n`);
  if (process.env["FUNCTIONS"]) process.stdout.write(`${name}:\n${lines.join("")}`);
  return [name, `${files.size}`, `${[...files.values()].flat().length}`];
}

const one = createFal(settings());
const subscribe = await enteredBy(() => one.subscribe(ENDPOINT, { input: { prompt: "a fox" } }));
const next = await enteredBy(() => one.subscribe(ENDPOINT, { input: { prompt: "a fox" } }));
const fal = createFal(settings());
const chain = fal.chain("echo", () => fal.subscribe(ENDPOINT, { input: { prompt: "a fox" } }));
const run = await enteredBy(() => chain.start(undefined, { id: "one" }));
await Promise.all([one.close(), fal.close()]);

table(
  ["", "files", "functions"],
  [
    counted("one subscribe, the first of a client", subscribe),
    counted("the next one", next),
    counted("a chain with one call", run),
  ],
);
