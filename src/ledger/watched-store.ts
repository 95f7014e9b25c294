import { inBackground } from "../base/background.ts";
import type { CallJournal, Intent } from "../journal/call.ts";
import type { Kind, PastCost } from "../journal/kind.ts";
import { runName } from "../journal/run-name.ts";
import type { Store } from "../journal/store.ts";
import { type Cost, formatUsd, type Reservation } from "../money/cost.ts";
import type { AlertServices, Alerts, BudgetListener, Listener, OutlierListener } from "./alerts.ts";

/** A call under way, as far as alerts care. */
interface Watched extends Pick<Intent, "id" | "endpoint" | "kind"> {
  readonly reserved: readonly Reservation[];
}

type Services = Pick<AlertServices, "clock" | "background" | "report">;

/** Calls that never come to a known cost are forgotten at some time. */
const MOST_WATCHED = 10_000;

/**
 * The same store, which tells of budgets that are nearly used up, and of calls and runs that cost many times what others do. As
 * long as nobody listens it does nothing but what the store does. Neither delays or fails what is noted.
 */
export function watched(store: Store, alerts: Alerts, services: Services): Store {
  const { calls, runs } = store;
  const underWay = new Map<string, Watched>();
  const watch = ({ id, endpoint, kind }: Intent, reserved: readonly Reservation[] = []) => {
    underWay.set(id, { id, endpoint, kind, reserved });
    for (const oldest of underWay.keys()) {
      if (underWay.size <= MOST_WATCHED) break;
      underWay.delete(oldest);
    }
  };
  const look = (looking: () => Promise<unknown>) => {
    const work = looking().catch((error: unknown) =>
      services.report("Alerts could not be looked for", error),
    );
    void inBackground(services.background, work);
  };
  /** What it costs or takes of its budgets has changed. */
  const changed = (id: string, cost?: Cost) => {
    const call = underWay.get(id);
    if (!call) return;
    const isKnown = cost !== undefined && cost.source !== "unknown";
    if (isKnown) underWay.delete(id);
    look(async () => {
      for (const reservation of call.reserved) await lookAtBudget(store, alerts, services, reservation);
      if (isKnown) await lookAtCall(store, alerts, services, call, cost.nanoUsd);
    });
  };
  /** Nothing is put between a note and who waits for it, as long as nobody listens. */
  const after = (noting: Promise<void>, then: () => void): Promise<void> =>
    alerts.listeners.size === 0 ? noting : noting.then(then);
  const watchedCalls: Pick<CallJournal, "intend" | "completed" | "failed" | "givenUp" | "charged"> = {
    intend: (intent, terms) =>
      after(calls.intend(intent, terms), () => {
        // One that is given another one's result has ended, and cost nothing.
        if (!terms?.given) watch(intent, terms?.reserve);
      }),
    completed: (id, outcome, at) => after(calls.completed(id, outcome, at), () => changed(id, outcome.cost)),
    failed: (id, ...how) => after(calls.failed(id, ...how), () => changed(id)),
    givenUp: (id, ...how) => after(calls.givenUp(id, ...how), () => changed(id)),
    charged: (id, cost, at) => after(calls.charged(id, cost, at), () => changed(id, cost)),
  };
  return {
    ...store,
    calls: { ...calls, ...watchedCalls },
    runs: {
      ...runs,
      end: (fence, end, at) =>
        after(runs.end(fence, end, at), () => look(() => lookAtRun(store, alerts, services, fence))),
    },
  };
}

const ofType = <T extends Listener["type"]>(
  { listeners }: Alerts,
  type: T,
): Extract<Listener, { type: T }>[] =>
  [...listeners].filter((one): one is Extract<Listener, { type: T }> => one.type === type);

async function lookAtBudget(
  store: Store,
  alerts: Alerts,
  { clock }: Services,
  { budget, window, limitNanoUsd }: Reservation,
): Promise<void> {
  const listeners: BudgetListener[] = ofType(alerts, "budget");
  if (listeners.length === 0 || limitNanoUsd === 0) return;
  const [use] = await store.used({ budget, window });
  const { chargedNanoUsd = 0, reservedNanoUsd = 0 } = use ?? {};
  const used = chargedNanoUsd + reservedNanoUsd;
  const reached = new Set(listeners.flatMap(({ at }) => at).filter((part) => used >= part * limitNanoUsd));
  for (const at of [...reached].sort((a, b) => a - b)) {
    if (!(await store.isFirst(`budget ${at} of ${limitNanoUsd}: ${window} ${budget}`, clock.now()))) continue;
    const since = window === 0 ? "" : ` since ${new Date(window).toISOString()}`;
    const message = `The budget ${budget} has used ${percent(at)} of its ${formatUsd(limitNanoUsd)}: ${formatUsd(chargedNanoUsd)} charged and ${formatUsd(reservedNanoUsd)} reserved${since}`;
    alerts.send(
      { type: "budget", budget, at, window, limitNanoUsd, chargedNanoUsd, reservedNanoUsd, message },
      listeners.filter((listener) => listener.at.includes(at)),
    );
  }
}

const percent = (part: number): string => `${Number((part * 100).toFixed(2))} %`;

/** With fewer others nobody knows what is usual. */
const ENOUGH = 5;

async function lookAtCall(
  store: Store,
  alerts: Alerts,
  services: Services,
  { id, endpoint, kind }: Watched,
  nanoUsd: number,
): Promise<void> {
  if (!kind || nanoUsd === 0 || ofType(alerts, "outlier").length === 0) return;
  const others = without(await store.calls.pastCosts(kind.name), nanoUsd).map((past) =>
    inProportion(past, kind),
  );
  await tellOutlier(store, alerts, services, { callId: id, run: undefined, of: endpoint }, nanoUsd, others);
}

/** The call itself is among the newest of its kind. */
function without(past: readonly PastCost[], nanoUsd: number): PastCost[] {
  const own = past.findIndex((call) => call.nanoUsd === nanoUsd);
  return past.filter((_, n) => n !== own);
}

const inProportion = ({ nanoUsd, amount }: PastCost, kind: Kind): number =>
  amount > 0 ? (nanoUsd / amount) * kind.amount : nanoUsd;

/** What older runs cost says little of the chain as it is. */
const RUNS_OF_MS = 30 * 24 * 60 * 60_000;

async function lookAtRun(
  store: Store,
  alerts: Alerts,
  services: Services,
  { chain, run }: { readonly chain: string; readonly run: string },
): Promise<void> {
  if (ofType(alerts, "outlier").length === 0) return;
  const since = services.clock.now() - RUNS_OF_MS;
  const sums = new Map<unknown, number>();
  for (const { group, nanoUsd } of await store.spend({ by: ["run"], chain, since }))
    sums.set(group.run, (sums.get(group.run) ?? 0) + Number(nanoUsd));
  const nanoUsd = sums.get(run) ?? 0;
  sums.delete(run);
  const whose = { callId: undefined, run: runName(chain, run), of: chain };
  await tellOutlier(store, alerts, services, whose, nanoUsd, [...sums.values()]);
}

async function tellOutlier(
  store: Store,
  alerts: Alerts,
  { clock }: Services,
  whose: { readonly callId: string | undefined; readonly run: string | undefined; readonly of: string },
  nanoUsd: number,
  others: readonly number[],
): Promise<void> {
  const count = others.length;
  if (count < ENOUGH) return;
  const usualNanoUsd = Math.round([...others].sort((a, b) => a - b)[Math.floor((count - 1) / 2)] ?? 0);
  const listeners: OutlierListener[] = ofType(alerts, "outlier").filter(
    ({ times }) => usualNanoUsd > 0 && nanoUsd >= times * usualNanoUsd,
  );
  if (listeners.length === 0) return;
  const what = whose.run === undefined ? `call ${whose.callId}` : `run ${whose.run}`;
  if (!(await store.isFirst(`outlier: ${what}`, clock.now()))) return;
  const times = Math.floor((nanoUsd / usualNanoUsd) * 10) / 10;
  const kind = whose.run === undefined ? `calls to ${whose.of} with such inputs` : `runs of ${whose.of}`;
  const message = `The ${what} cost ${formatUsd(nanoUsd)}, ${times} times what ${kind} usually cost (${formatUsd(usualNanoUsd)}, the median of ${count})`;
  alerts.send({ type: "outlier", ...whose, nanoUsd, usualNanoUsd, count, message }, listeners);
}
