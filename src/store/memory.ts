import {
  type CallQuery,
  type CallRecord,
  RequestClaimedError,
  type Store,
  StoreError,
} from "../base/journal.ts";

/**
 * A store that is forgotten with the process. Calls that have ended are kept up to a bound, oldest out first; calls
 * that go on or are in doubt are always kept.
 *
 * @param options.keepEnded Ended calls that are kept. @default 100
 */
export function memoryStore(options: { keepEnded?: number } = {}): Store {
  const { keepEnded = 100 } = options;
  const calls = new Map<string, CallRecord>();
  const owners = new Map<string, string>();
  const ended = new Set<string>();

  const read = (id: string): CallRecord => {
    const call = calls.get(id);
    if (!call) throw new StoreError(`The store has no call ${id}.`);
    return call;
  };

  /** A result is final: what comes after it is ignored. Every other state may still become more. */
  const change = (id: string, more: Partial<CallRecord>): void => {
    const call = read(id);
    if (call.state === "completed") return;
    calls.set(id, { ...call, ...more });
    if (more.state === "submitted" || more.state === "ambiguous") ended.delete(id);
    else ended.add(id);
    for (const oldest of ended) {
      if (ended.size <= keepEnded) break;
      ended.delete(oldest);
      const requestId = calls.get(oldest)?.ticket?.requestId;
      if (requestId) owners.delete(requestId);
      calls.delete(oldest);
    }
  };

  return {
    name: "memory",
    durable: false,
    async intend({ at, ...intent }) {
      const nothing = {
        ticket: undefined,
        outcome: undefined,
        error: undefined,
        note: undefined,
        cost: undefined,
      };
      const times = { intendedAt: at, submittedAt: undefined, endedAt: undefined };
      calls.set(intent.id, { ...intent, ...nothing, ...times, state: "intended" });
    },
    async submitted(id, ticket, at) {
      const owner = owners.get(ticket.requestId);
      if (owner !== undefined && owner !== id) throw new RequestClaimedError(ticket.requestId);
      const known = read(id).ticket;
      if (known && known.requestId !== ticket.requestId) {
        throw new StoreError(
          `Call ${id} is request ${known.requestId} already, and cannot be ${ticket.requestId} too.`,
        );
      }
      owners.set(ticket.requestId, id);
      if (!known) change(id, { ticket, submittedAt: at, state: "submitted", endedAt: undefined });
    },
    ambiguous: async (id, note, at) => change(id, { note, endedAt: at, state: "ambiguous" }),
    completed: async (id, outcome, at) => change(id, { outcome, endedAt: at, state: "completed" }),
    failed: async (id, error, at) => change(id, { error, endedAt: at, state: "failed" }),
    givenUp: async (id, note, at) => change(id, { note, endedAt: at, state: "given-up" }),
    call: async (id) => calls.get(id),
    calls: async (query = {}) =>
      [...calls.values()]
        .reverse()
        .filter(answers(query))
        .slice(0, query.limit ?? 100),
    close: async () => {},
  };
}

const answers =
  ({ state, endpoint, chain, run, requestId, since }: CallQuery) =>
  (call: CallRecord): boolean =>
    (state === undefined || call.state === state) &&
    (endpoint === undefined || call.endpoint === endpoint) &&
    (chain === undefined || call.chain === chain) &&
    (run === undefined || call.run === run) &&
    (requestId === undefined || call.ticket?.requestId === requestId) &&
    (since === undefined || call.intendedAt >= since);
