import type { Clock } from "../base/clock.ts";
import { abortable } from "../base/signal.ts";

/**
 * Which of fal's hosts do not answer, as far as what was sent tells. While one does not, no submit is sent to it: each
 * would be in doubt. Reads go on, and tell when it is back.
 */
export interface Outages {
  /** Whether a submit to this address is to wait. */
  areAt(url: string): boolean;
  /**
   * Waits until the host answers again: a read first, then one submit, then all that wait.
   *
   * @returns false where that takes too long.
   */
  over(url: string, wait: Wait): Promise<boolean>;
  /** A request had an answer, whatever it says. */
  answered(url: string, isSubmit: boolean): void;
  /** No answer came. @param mayHaveLeft What provably did not leave is in no doubt, and counts for nothing. */
  unanswered(url: string, why: string, mayHaveLeft: boolean): void;
  /** What was let through is over, also where it was not sent after all. */
  tried(url: string): void;
  /** Why the host of this address is taken to be away. */
  whyAt(url: string): string;
}

export interface Wait {
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly signal: AbortSignal | undefined;
  /** Whether a submit is sent at once where it ends well, which then is the one that the others wait for. */
  readonly isSending: boolean;
}

export interface OutageOptions {
  readonly clock: Clock;
  /** Asks the host anything, for its answer alone. */
  readonly probe: (origin: string) => Promise<void>;
  /** Told once for each outage. */
  readonly onOutage: (origin: string, why: string) => void;
}

/** What is known of a host that did not answer. */
interface Host {
  /** In a row. */
  failures: number;
  why: string;
  isSaid: boolean;
  /** Whether a read was answered since. */
  isBack: boolean;
  /** When a submit was let through that nothing is known of yet. */
  triedAt: number | undefined;
  /** Whether one of those who wait looks after the host. */
  isWatched: boolean;
  /** Milliseconds before the next probe. */
  pause: number;
  changed: PromiseWithResolvers<void>;
}

/** So many unanswered requests in a row are no accident. */
const FAILURES = 3;
/** The pause between two probes doubles up to this, in milliseconds. */
const LONGEST_PAUSE_MS = 15_000;
const FIRST_PAUSE_MS = 1_000;
/** A submit that has no answer by then holds the others back no longer. */
const TRIAL_MS = 10_000;

export function createOutages(options: OutageOptions): Outages {
  const hosts = new Map<string, Host>();
  const at = (url: string) => (hosts.size === 0 ? undefined : hosts.get(new URL(url).origin));
  const changed = (host: Host) => {
    host.changed.resolve();
    host.changed = Promise.withResolvers();
  };
  return {
    areAt: (url) => isAway(at(url)),
    whyAt: (url) => at(url)?.why ?? "",
    async over(url, { until, signal, isSending }) {
      const { origin } = new URL(url);
      for (;;) {
        const host = hosts.get(origin);
        if (!host || !isAway(host)) return true;
        const now = options.clock.now();
        if (mayTry(host, now)) {
          if (isSending) host.triedAt = now;
          return true;
        }
        const left = until - now;
        if (left <= 0) return false;
        await (host.isWatched
          ? nextChange(options.clock, host, left, signal)
          : watchOver(options, origin, host, left, signal).finally(() => changed(host)));
      }
    },
    answered(url, isSubmit) {
      const host = at(url);
      if (!host) return;
      host.isBack = true;
      if (isSubmit || !isAway(host)) hosts.delete(new URL(url).origin);
      changed(host);
    },
    unanswered(url, why, mayHaveLeft) {
      const { origin } = new URL(url);
      const host = hosts.get(origin) ?? newHost();
      host.isBack = false;
      if (!mayHaveLeft) return;
      hosts.set(origin, host);
      host.failures += 1;
      host.why = why;
    },
    tried(url) {
      const host = at(url);
      if (host?.triedAt === undefined) return;
      host.triedAt = undefined;
      changed(host);
    },
  };
}

const newHost = (): Host => ({
  failures: 0,
  why: "",
  isSaid: false,
  isBack: false,
  triedAt: undefined,
  isWatched: false,
  pause: FIRST_PAUSE_MS,
  changed: Promise.withResolvers(),
});

const isAway = (host: Host | undefined): boolean => host !== undefined && host.failures >= FAILURES;

const mayTry = ({ isBack, triedAt }: Host, now: number): boolean =>
  isBack && (triedAt === undefined || now - triedAt >= TRIAL_MS);

/** One of those who wait asks for the host; the others are told. What is over by the first question was no outage. */
async function watchOver(
  { clock, probe, onOutage }: OutageOptions,
  origin: string,
  host: Host,
  left: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  host.isWatched = true;
  try {
    await clock.sleep(Math.min(host.pause, left), signal);
    host.pause = Math.min(host.pause * 2, LONGEST_PAUSE_MS);
    if (!host.isBack) await probe(origin);
    if (host.isBack || host.isSaid) return;
    host.isSaid = true;
    onOutage(origin, host.why);
  } finally {
    host.isWatched = false;
  }
}

async function nextChange(
  clock: Clock,
  host: Host,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const over = new AbortController();
  const { promise } = host.changed;
  const late = Number.isFinite(ms) ? [clock.sleep(ms, over.signal).catch(() => {})] : [];
  const waiting = Promise.race([promise, ...late]);
  await (signal ? abortable(waiting, signal) : waiting).finally(() => over.abort("over"));
}
