// What a process that makes one call takes: from its start to its first result, and what it loads for that. The package is
// taken as it is built, fal is a server in this process.
//
//   npm run build && npm run bench:start
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { median, table } from "./report.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 21);
const ENDPOINT = "acme/echo";

/** The programs: each makes one call of the fal at `origin`, and says what came. */
const ARMS: Record<string, (origin: string) => string> = {
  "bare fetch": (origin) => `
    const json = async (url, init) => (await fetch(url, init)).json();
    const { request_id } = await json("${origin}/queue/${ENDPOINT}", { method: "POST", body: '{"n":1}' });
    const request = "${origin}/queue/${ENDPOINT}/requests/" + request_id;
    await (await fetch(request + "/status/stream")).text();
    process.send(await json(request));`,
  "@fal-ai/client": (origin) => `
    import { createFalClient } from "@fal-ai/client";
    const here = (url) => url.replace("https://queue.fal.run", "${origin}/queue");
    const fal = createFalClient({ credentials: "any:key", fetch: (url, init) => fetch(here(url), init) });
    process.send((await fal.subscribe("${ENDPOINT}", { input: { n: 1 }, mode: "streaming" })).data);`,
  "fal-chain": (origin) => `
    import { createFal } from "fal-chain";
    const fal = createFal({ env: { FAL_KEY: "any:key", FAL_HOST: "${origin}" } });
    process.send((await fal.subscribe("${ENDPOINT}", { input: { n: 1 } })).data);`,
};

/** Counts what is loaded, apart from the rounds that are measured. */
const COUNTING = `
  import { registerHooks } from "node:module";
  let files = 0;
  registerHooks({ load: (url, context, next) => (url.startsWith("file:") && files++, next(url, context)) });
  process.once("exit", () => process.send({ files }));`;

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://fal");
  request.resume().once("end", () => answer(pathname, request.method ?? "GET", response));
});

function answer(path: string, method: string, response: ServerResponse): void {
  if (path.endsWith("/status/stream")) {
    response.setHeader("content-type", "text/event-stream");
    response.end('data: {"status":"COMPLETED","request_id":"request-1","logs":[]}\n\n');
    return;
  }
  response.setHeader("content-type", "application/json");
  if (method === "POST") response.end('{"request_id":"request-1","queue_position":0}');
  else response.end(path.startsWith("/api/") ? '{"prices":[],"has_more":false}' : '{"done":true}');
}

const encoded = (program: string) => `data:text/javascript,${encodeURIComponent(program)}`;

async function told(program: string, flags: readonly string[] = []): Promise<{ ms: number; files: number }> {
  const started = performance.now();
  const args = ["--input-type=module", "--eval", program];
  const child = fork(".", { execArgv: [...flags, ...args], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = once(child, "exit");
  let ms = Number.NaN;
  let files = 0;
  child.on("message", (message: object) => {
    if ("files" in message) files = message.files as number;
    else ms = performance.now() - started;
    if (flags.length === 0) child.kill();
  });
  await ended;
  if (Number.isNaN(ms)) throw new Error(`A program ended without a result:\n${program}`);
  return { ms, files };
}

server.listen(0, "127.0.0.1");
await once(server, "listening");
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const times = new Map(Object.keys(ARMS).map((name) => [name, [] as number[]]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, program] of Object.entries(ARMS)) times.get(name)?.push((await told(program(origin))).ms);
}
const rows = [];
for (const [name, program] of Object.entries(ARMS)) {
  const { files } = await told(program(origin), ["--import", encoded(COUNTING)]);
  const ms = median(times.get(name) ?? []);
  const ofOfficial = ms / median(times.get("@fal-ai/client") ?? []);
  rows.push([name, ms.toFixed(0), ofOfficial.toFixed(2), `${files}`]);
}
server.close();
server.closeAllConnections();
table(["", "ms to the first result", "times the official client's", "files loaded"], rows);
