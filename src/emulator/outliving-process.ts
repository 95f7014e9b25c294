// An emulator that outlives the program that started it. It ends when it is told to, or when nobody has asked it for
// anything for a while.
import { rmSync } from "node:fs";
import { type OutlivingJob, type Started, type Told, tellState } from "./outliving-state.ts";
import { serveEmulator } from "./serve.ts";

const { file, idleMs, token } = JSON.parse(process.argv[2] ?? "{}") as Told;
const { url, emulator, close } = await serveEmulator();
const { fetch } = emulator;
let idle: NodeJS.Timeout | undefined;

emulator.fetch = async (request) => {
  stayAwake();
  if (new URL(request.url).pathname !== `/outliving/${token}`) return fetch(request);
  if (request.method === "DELETE") setImmediate(end);
  return Response.json(emulator.jobs.map(jobOf));
};
tellState(file, { url, pid: process.pid, token });
stayAwake();
process.send?.({ url } satisfies Started);

function stayAwake(): void {
  clearTimeout(idle);
  idle = setTimeout(() => {
    if (emulator.jobs.some(({ state }) => state !== "COMPLETED")) stayAwake();
    else void end();
  }, idleMs);
}

async function end(): Promise<void> {
  clearTimeout(idle);
  rmSync(file, { force: true });
  await close();
  process.exit();
}

function jobOf({ requestId, endpoint, input, tags, state }: (typeof emulator.jobs)[number]): OutlivingJob {
  return { requestId, endpoint, input, tags, state };
}
