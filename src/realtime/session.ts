import { inBackground } from "../base/background.ts";
import { billNothing, noteCompleted } from "../calls/bill.ts";
import type { Prepared } from "../calls/prepare.ts";
import type { Services } from "../calls/services.ts";
import { savedError } from "../errors/saved-error.ts";

/** One connection in the ledger. The wire tells neither a request of it nor what it costs. */
export interface Session {
  opened(): Promise<void>;
  /** It was never open, and cost nothing. */
  refused(error: unknown): void;
  ended(traffic: { readonly sent: number; readonly received: number }): void;
}

/**
 * Notes that a connection is about to be made.
 *
 * @throws {BudgetExceededError | UnknownPriceError | StoreError} and then it must not be made.
 */
export async function beginSession(services: Services, { endpoint, for: whose }: Prepared): Promise<Session> {
  const { store, clock, queue, background, report } = services;
  const id = crypto.randomUUID();
  const wanted = { endpoint: endpoint.id, body: "{}", for: whose };
  const reservations = await services.reserve(
    { ...wanted, asked: { endpoint: endpoint.id, input: {} }, kind: undefined, over: undefined },
    [],
  );
  const at = clock.now();
  const intent = { id, ...wanted, queue: queue.base, key: undefined, at };
  await store.calls.intend(intent, { reserve: reservations(at) });
  const observer = services.observe({ id, endpoint: endpoint.id, step: undefined });
  observer?.sending(wanted.body);
  const billed = { endpoint: endpoint.id, notedAs: id };
  let openedAt = at;
  const inTheEnd = (noting: Promise<unknown>) => {
    const noted = noting.catch((error: unknown) =>
      report(`The end of connection ${id} could not be noted`, error, { call: id, endpoint: endpoint.id }),
    );
    void inBackground(background, noted);
  };
  return {
    async opened() {
      openedAt = clock.now();
      // fal names none: this one tells it from all others.
      const requestId = `realtime-${id}`;
      await store.calls.submitted(id, { endpoint: endpoint.id, requestId, queue: queue.base }, openedAt);
      const { tags } = whose;
      observer?.event({ type: "submitted", at: openedAt, endpoint: endpoint.id, requestId, tags });
    },
    refused(error) {
      const note = async () => {
        await store.calls.failed(id, savedError(error), clock.now());
        const cost = billNothing(services, billed);
        observer?.ended({ error, cost });
      };
      inTheEnd(note());
    },
    ended({ sent, received }) {
      const runSeconds = (clock.now() - openedAt) / 1000;
      const outcome = { data: { sent, received }, units: undefined, waitSeconds: undefined, runSeconds };
      inTheEnd(noteCompleted(services, billed, outcome).then(({ cost }) => observer?.ended({ cost })));
    },
  };
}
