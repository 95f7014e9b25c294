import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

// Bytes that no server would send, in the place of any answer: see children/any-reply.ts.

const REPLIES = Number(process.env["FAULTY_REPLIES"] ?? 2_000);
/** What is not let go of does not fit. */
const FLAGS = ["--conditions=fal-chain-source", "--max-old-space-size=48", "--max-semi-space-size=2"];

test(`${REPLIES} replies that no server would send: a typed error or a result, and the client goes on`, {
  timeout: 120_000 + REPLIES * 100,
}, async () => {
  const program = join(import.meta.dirname, "children/any-reply.ts");
  const seed = String(process.env["SEED"] ?? 1);
  const argv = [...FLAGS, program, `${REPLIES}`, seed];
  // What the allocator keeps in reserve for each thread is nobody's leak.
  const env = { ...process.env, MALLOC_ARENA_MAX: "1" };
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env });
  const { replies, mostMemory } = JSON.parse(stdout);
  expect(replies).toBeGreaterThanOrEqual(REPLIES);
  expect(mostMemory).toBeLessThan(200);
});
