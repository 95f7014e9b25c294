import type { Clock } from "../base/clock.ts";
import { usd } from "./billing.ts";
import { bucketOf, type Timeframe } from "./usage.ts";

/** A runner that an app's owner pays for. */
export interface BilledRunner {
  /** Its name without the owner's, such as `ads--staging`. */
  readonly app: string;
  /** @default null: the bill does not say */
  readonly environment?: string;
  /** @default "S" */
  readonly machineType?: string;
  /** Of one second. fal's own prices are the account's; this one is made up. @default 0.00005 */
  readonly usdPerSecond?: number;
}

/** The runners that a bill tells of. */
export interface Runners {
  /** From now on it is paid for. @returns what ends that. */
  started(runner: BilledRunner): () => void;
}

interface Life extends Required<Omit<BilledRunner, "environment">> {
  readonly environment: string | null;
  readonly from: number;
  /** Undefined while it lives. */
  to: number | undefined;
}

/** Which seconds are meant, in milliseconds since the epoch. */
interface Window {
  readonly start: number;
  readonly end: number;
}

export interface RunnerBill extends Runners {
  /** The lives of apps that `isMeant` says, within a window. */
  rows(window: Window, isMeant: (app: string) => boolean): Record<string, unknown>[];
  /** The same, in order of time, for each bucket that has any. */
  buckets(
    window: Window,
    timeframe: Timeframe,
    isMeant: (app: string) => boolean,
  ): { readonly bucket: string; readonly results: Record<string, unknown>[] }[];
}

export function createRunnerBill(clock: Clock, percentDiscount: () => number): RunnerBill {
  const lives: Life[] = [];

  function rows({ start, end }: Window, isMeant: (app: string) => boolean) {
    const meant = lives.flatMap((life) => {
      const ms = Math.min(life.to ?? clock.now(), end) - Math.max(life.from, start);
      return ms > 0 && isMeant(life.app) ? [{ life, seconds: ms / 1000 }] : [];
    });
    const groups = Map.groupBy(meant, ({ life: { app, environment, machineType, usdPerSecond } }) =>
      JSON.stringify([app, environment, machineType, usdPerSecond]),
    );
    return [...groups.values()].flatMap((group) => {
      const [first] = group;
      const seconds = group.reduce((sum, part) => sum + part.seconds, 0);
      return first ? [rowOf(first.life, seconds, percentDiscount())] : [];
    });
  }

  return {
    started({ app, environment = null, machineType = "S", usdPerSecond = 0.00005 }) {
      const from = clock.now();
      const life: Life = { app, environment, machineType, usdPerSecond, from, to: undefined };
      lives.push(life);
      return () => {
        life.to ??= clock.now();
      };
    },
    rows,
    buckets: ({ start, end }, timeframe, isMeant) => {
      const inTime: { bucket: string; results: Record<string, unknown>[] }[] = [];
      const first = lives.reduce((at, { from }) => Math.min(at, from), end);
      for (let from = Math.max(start, first); from < end; ) {
        const to = Math.min(nextBucket(from, timeframe), end);
        const results = rows({ start: from, end: to }, isMeant);
        if (results.length > 0) inTime.push({ bucket: bucketOf(from, timeframe), results });
        from = to;
      }
      return inTime;
    },
  };
}

/** As `GET /v1/serverless/usage` words it: https://api.fal.ai/v1/openapi.json */
function rowOf(life: Life, seconds: number, percentDiscount: number): Record<string, unknown> {
  const subtotal = seconds * life.usdPerSecond;
  const discount = (subtotal * percentDiscount) / 100;
  const total = usd(subtotal - discount);
  return {
    app: life.app,
    environment: life.environment,
    machine_type: life.machineType,
    unit: "second",
    quantity: seconds,
    unit_price: life.usdPerSecond,
    percent_discount: percentDiscount === 0 ? null : percentDiscount,
    cost_subtotal: usd(subtotal),
    cost_discount: usd(discount),
    cost_total: total,
    cost: total,
    currency: "USD",
    is_surge: false,
  };
}

const MINUTE_MS = 60_000;
/** At least as long as the bucket, and shorter than two. */
const LENGTHS: Readonly<Record<Timeframe, number>> = {
  minute: MINUTE_MS,
  hour: 60 * MINUTE_MS,
  day: 24 * 60 * MINUTE_MS,
  week: 7 * 24 * 60 * MINUTE_MS,
  month: 31 * 24 * 60 * MINUTE_MS,
};

const nextBucket = (at: number, timeframe: Timeframe): number => {
  const start = Date.parse(bucketOf(at, timeframe));
  return Date.parse(bucketOf(start + LENGTHS[timeframe], timeframe));
};
