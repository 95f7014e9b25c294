import type { CallQuery, CallRecord, Fal } from "../../index.ts";

/** Calls that are read at a time, so that a ledger of any size fits. */
const PAGE = 1_000;

/** All calls of a query. Calls of the same millisecond are never torn apart: a page goes on where an earlier time begins. */
export async function* pages({ calls }: Pick<Fal, "calls">, query: CallQuery): AsyncGenerator<CallRecord[]> {
  let rest = query;
  let limit = PAGE;
  for (;;) {
    const page = await calls.list({ ...rest, limit });
    const last = page.at(-1);
    if (!last || page.length < limit) {
      yield page;
      return;
    }
    const whole = page.filter(({ intendedAt }) => intendedAt > last.intendedAt);
    yield whole;
    rest = { ...query, until: last.intendedAt + 1 };
    limit = whole.length === 0 ? limit * 2 : PAGE;
  }
}
