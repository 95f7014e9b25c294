import type { Slot } from "../../journal/slots.ts";
import { insert, remove, select, update } from "./tables.ts";
import { now, query, type Work } from "./work.ts";

export function* takeSlot({ account, call, holder, max, leaseMs }: Slot): Work<boolean> {
  // One taker of an account at a time: who counts its slots must not be overtaken.
  yield* insert("accounts", { account }, "on conflict (account) do nothing");
  yield select("account", "accounts", { "account =": account }, "for update");
  const time = yield* now();
  yield* query("delete from @slots where until <= $1 and (account = $2 or call = $3)", time, account, call);
  const [counted] = yield select("count(*) as taken", "slots", { "account =": account });
  const [mine] = yield select("call", "slots", { "call =": call });
  if (Number(counted?.["taken"]) >= max && !mine) return false;
  yield* insert(
    "slots",
    { call, account, holder, until: time + leaseMs },
    "on conflict (call) do update set account = excluded.account, holder = excluded.holder, until = excluded.until",
  );
  return true;
}

export function* renewSlots(holder: string, leaseMs: number): Work<void> {
  yield* update("slots", { until: (yield* now()) + leaseMs }, { "holder =": holder });
}

export const freeSlot = (call: string): Work<void> => remove("slots", { "call =": call });
