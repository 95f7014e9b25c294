// An emulator that outlives the program that started it. It ends when it is told to, or when nobody has asked it for
// anything for a while.
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import {
  CONTROL,
  isProof,
  type OutlivingJob,
  proofOf,
  type Started,
  type Told,
  tellState,
} from "./outliving-state.ts";
import { serveEmulator } from "./serve.ts";

const MOST_CHALLENGES = 1_000;

// By a message: arguments are there for all of the machine to read.
const { file, idleMs, token } = await new Promise<Told>((resolve) => {
  process.once("message", (told) => resolve(told as Told));
});
const { url, emulator, close } = await serveEmulator();
const { fetch } = emulator;
/** What programs were asked to prove themselves with; each is good for one answer. */
const challenges = new Set<string>();
let idle: NodeJS.Timeout | undefined;

emulator.fetch = async (request) => {
  stayAwake();
  return new URL(request.url).pathname === CONTROL.path ? control(request) : fetch(request);
};
tellState(file, { url, pid: process.pid, token });
stayAwake();
process.send?.({ url } satisfies Started);

/** Shows that it knows the token to whoever asks, and does what it is told by whoever shows the same. */
function control({ method, headers }: Request): Response {
  const theirs = headers.get(CONTROL.challenge) ?? "";
  const [challenge = "", proof = null] = headers.get(CONTROL.proof)?.split(" ") ?? [];
  if (
    challenges.delete(challenge) &&
    isProof(proof, proofOf(token, "program", `${url} ${method} ${challenge}`))
  ) {
    if (method === "DELETE") setImmediate(end);
    return Response.json(emulator.jobs.map(jobOf));
  }
  const own = randomBytes(16).toString("hex");
  for (const oldest of challenges) if (challenges.size >= MOST_CHALLENGES) challenges.delete(oldest);
  challenges.add(own);
  return new Response(null, {
    status: 401,
    headers: { [CONTROL.challenge]: own, [CONTROL.proof]: proofOf(token, "emulator", `${url} ${theirs}`) },
  });
}

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
