import type { RunClaim, SavedError } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { intentOf } from "../support/intents.ts";

/** What a terminal obeys, what turns the direction of writing, and what hides in a text. */
export const OBEYED =
  /[^\n\P{Cc}]|[\u{2028}\u{2029}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{200b}\u{200e}\u{200f}\u{61c}\u{2060}\u{feff}]/u;

const ESC = "\u001b";
/** A text as a model, a server or a caller may write it to whoever reads it. */
export const NASTY = `${ESC}[31m${ESC}]0;owned\u0007\u009b2J\r\u202egnp.exe\u200b\u2066<script>"'&$(touch x)\`id\``;
/** What took seconds to look through. */
const LONG = `${ESC}]`.repeat(100_000);

const error = {
  ...{ name: "ApiError", code: "api", message: `${NASTY} ${LONG}`, status: 400 },
  ...{ retryable: false, billed: "unknown", errorType: NASTY },
} as SavedError;

/** A store in which everything that comes from outside is hostile. */
export async function hostileStore(file: string, runId: string): Promise<void> {
  const store = sqliteStore(file);
  const chain = `p${NASTY}`;
  const claim: RunClaim = {
    ...{ chain, id: runId, input: JSON.stringify(LONG), tags: { customer: NASTY } },
    ...{ owner: { host: "h", boot: "b", pid: 1, started: "1" }, leaseMs: 3_600_000, at: Date.now() - 2_000 },
  };
  const { run } = await store.runs.claim(claim);
  const fence = { chain, run: runId, epoch: run.epoch };
  const whose = {
    chain,
    run: runId,
    step: NASTY,
    tags: { a: NASTY },
    userTags: { customer: NASTY },
    jobId: NASTY,
  };
  const at = Date.now() - 1_000;
  const call = (id: string) =>
    store.calls.intend(
      intentOf(`${id}${NASTY}`, {
        ...whose,
        endpoint: `acme/${NASTY}`,
        key: id,
        body: JSON.stringify(LONG),
        at,
      }),
      { fence },
    );
  await call("aaaa-done");
  const ticket = (id: string) => ({ endpoint: `acme/${NASTY}`, requestId: `${id}${NASTY}` });
  await store.calls.submitted(`aaaa-done${NASTY}`, ticket("r1") as never, at);
  await store.calls.completed(
    `aaaa-done${NASTY}`,
    { data: { said: NASTY, url: `https://x.test/${NASTY}` }, units: 1 } as never,
    at,
  );
  await store.calls.charged(
    `aaaa-done${NASTY}`,
    { source: "measured", nanoUsd: 1, units: 1, unit: NASTY } as never,
    at,
  );
  await call("bbbb-failed");
  await store.calls.failed(`bbbb-failed${NASTY}`, error, at);
  await call("cccc-open");
  await store.calls.ambiguous(`cccc-open${NASTY}`, NASTY, at);
  await store.runs.saveStep(fence, { key: "k", name: NASTY, value: undefined, error, at });
  await store.runs.end(
    fence,
    { state: "blocked", error: { ...error, facts: { candidates: [`r2${NASTY}`] } } },
    at,
  );
  await store.close();
}
