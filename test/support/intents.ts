import type { CallFor, Intent } from "fal-chain";

/** Whom a call is for that is made outside of everything. */
const NOBODY: CallFor = {
  chain: undefined,
  run: undefined,
  step: undefined,
  jobId: undefined,
  app: undefined,
  request: undefined,
  caller: undefined,
  rootRun: undefined,
  rootJob: undefined,
  keyId: undefined,
  account: undefined,
  claimedRoot: undefined,
  markup: undefined,
  tags: {},
  userTags: {},
};

/** @param more Of the call, and of whom it is for. */
export function intentOf(id: string, more: Partial<Omit<Intent, "for"> & CallFor> = {}): Intent {
  const {
    endpoint = "acme/echo",
    body = "{}",
    queue = "https://queue.fal.run",
    key,
    content,
    reuseOf,
    at = 1,
    ...whose
  } = more;
  const same = { content, reuseOf };
  return { id, endpoint, body, queue, key, at, ...same, for: { ...NOBODY, ...whose } };
}
