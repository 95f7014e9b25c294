import type { Intent, Outcome, Owner, RunClaim, SavedError, Ticket } from "fal-chain";

export const intent = (id: string, more: Partial<Intent> = {}): Intent => ({
  id,
  endpoint: "acme/echo",
  body: '{"prompt":"a fox"}',
  tags: { customer: "acme" },
  chain: undefined,
  run: undefined,
  step: undefined,
  key: undefined,
  jobId: undefined,
  app: undefined,
  request: undefined,
  rootRun: undefined,
  rootJob: undefined,
  claimedRoot: undefined,
  userTags: { customer: "Acme & Söhne" },
  at: 1,
  ...more,
});

export const ticket = (requestId: string): Ticket => ({
  endpoint: "acme/echo",
  requestId,
  statusUrl: `https://queue.fal.run/acme/echo/requests/${requestId}/status`,
  responseUrl: `https://queue.fal.run/acme/echo/requests/${requestId}`,
  cancelUrl: `https://queue.fal.run/acme/echo/requests/${requestId}/cancel`,
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

export const owner = (pid: number): Owner => ({ host: "here", boot: "b1", pid, started: `${pid}00` });

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
