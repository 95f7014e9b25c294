import type { Intent, Outcome, ProcessIdentity, RunClaim, SavedError, Ticket } from "fal-chain";
import { intentOf } from "../support/intents.ts";

const ACME = { tags: { customer: "acme" }, userTags: { customer: "Acme & Söhne" } };

/** @param more Of the call, and of whom it is for. */
export const intent = (id: string, more: Parameters<typeof intentOf>[1] = {}): Intent =>
  intentOf(id, { body: '{"prompt":"a fox"}', ...ACME, ...more });

export const ticket = (requestId: string): Ticket => ({
  endpoint: "acme/echo",
  requestId,
  queue: "https://queue.fal.run",
});

export const usage = { units: 1.5, waitSeconds: 0.1, runSeconds: undefined };
export const outcome: Outcome = { data: { n: 1.5, text: "a \u0000 b" }, ...usage };

export const error: SavedError = {
  name: "ApiError",
  code: "api",
  message: "no",
  status: 500,
  retryable: false,
  billed: "unknown",
};
export const unbilled: SavedError = { ...error, billed: false };

export const owner = (pid: number): ProcessIdentity => ({
  host: "here",
  boot: "b1",
  pid,
  started: `${pid}00`,
});

export const claim = (id: string, more: Partial<RunClaim> = {}): RunClaim => ({
  chain: "poster",
  id,
  input: '{"prompt":"a fox"}',
  tags: { customer: "Acme & Söhne" },
  owner: owner(1),
  leaseMs: 1_000,
  at: 5,
  ...more,
});
