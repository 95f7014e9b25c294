import type { JobView, RunnerView } from "../../emulator/index.ts";
import { formatUsd } from "../../money/cost.ts";
import type { Home } from "../../runners/home.ts";
import { inEnvironment } from "../../runners/name.ts";
import { keyOf } from "../../runners/variables.ts";
import type { RequestLine, RunnerLine } from "../../terminal/home-screen.ts";
import type { Spent } from "./bill.ts";
import type { DevSettings } from "./settings.ts";

/** Further back nobody looks. */
const MOST_REQUESTS = 100;

/** A runner among those of all apps: its number is the key that kills it. */
export interface NumberedRunner extends RunnerView {
  readonly number: number;
  readonly app: string;
}

export const runnersOf = ({ emulator, apps }: Home): readonly NumberedRunner[] =>
  apps
    .flatMap((app) => (emulator.fleets.get(app)?.runners ?? []).map((runner) => ({ ...runner, app })))
    .map((runner, nth) => ({ ...runner, number: nth + 1 }));

/** Requests to the apps, the latest last. */
export function requestsOf({ emulator, apps }: Home): readonly JobView[] {
  const own = emulator.jobs.filter(({ endpoint }) =>
    apps.some((app) => `${endpoint}/`.startsWith(`${app}/`)),
  );
  return own.slice(-MOST_REQUESTS);
}

export const headOf = ({ url, apps }: Home, { environment, owner }: DevSettings): readonly string[] => [
  `fal-chain dev: ${apps.join(", ")}${environment === "main" ? "" : ` (environment ${environment})`}`,
  `FAL_HOST=${url} FAL_KEY=${keyOf(owner)}   another name before the colon is another caller`,
];

export const runnerLine = (
  runner: NumberedRunner,
  spent: Spent,
  { settings, now }: { readonly settings: DevSettings; readonly now: number },
): RunnerLine => ({
  number: runner.number,
  app: runner.app,
  state: runner.state,
  forMs: now - runner.since,
  busy: runner.requests.length,
  most: mostOf(runner.app, settings),
  served: runner.served,
  jobId: runner.jobId,
  pid: runner.pid,
  spentNanoUsd: spent.byJob.get(runner.jobId) ?? 0,
  note: noteOf(runner),
});

/** How many requests a runner of the app has at once. */
const mostOf = (id: string, { apps, owner, environment }: DevSettings): number =>
  apps.find(({ name }) => `${owner}/${inEnvironment(name, environment)}` === id)?.settings?.maxMultiplexing ??
  1;

function noteOf({ state, failedStarts, lastEnd }: RunnerView): string {
  if (state === "CRASH_BACKOFF") {
    const starts = failedStarts === 1 ? "its start failed" : `${failedStarts} starts failed`;
    return `${starts}: ${lastEnd}`;
  }
  return lastEnd === undefined ? "" : `before: ${lastEnd}`;
}

export function requestLine(
  job: JobView,
  runners: readonly NumberedRunner[],
  spent: Spent,
  now: number,
): RequestLine {
  const { requestId, endpoint, account: caller, state, submittedAt, completedAt, attempts } = job;
  const runner = runners.find(({ requests }) => requests.includes(requestId));
  return {
    ...{ requestId, endpoint, caller, state },
    status: job.result?.status,
    tries: attempts.length + (state === "IN_PROGRESS" ? 1 : 0),
    runner: runner?.number,
    forMs: (completedAt ?? now) - submittedAt,
    units: job.billableUnits,
    spentNanoUsd: spent.byRequest.get(requestId) ?? 0,
  };
}

/** One line: what the apps have spent, and what their callers owe. */
export function moneyText(home: Home, spent: Spent, { unitPrice }: Pick<DevSettings, "unitPrice">): string {
  const units = new Map<string, number>();
  for (const { account, billableUnits = 0 } of requestsOf(home)) {
    if (billableUnits > 0) units.set(account, (units.get(account) ?? 0) + billableUnits);
  }
  const sum = [...units.values()].reduce((total, one) => total + one, 0);
  const calls = spent.calls === 1 ? "1 call" : `${spent.calls} calls`;
  const callers = units.size === 1 ? "1 caller" : `${units.size} callers`;
  const price = unitPrice > 0 ? `, ${formatUsd(Math.round(sum * unitPrice * 1e9))}` : "";
  const billed = sum > 0 ? `   Billed: ${Number(sum.toFixed(6))} units to ${callers}${price}` : "";
  return `Spent by the apps: ${formatUsd(spent.nanoUsd)} in ${calls}${billed}`;
}
