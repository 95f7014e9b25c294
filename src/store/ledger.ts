import type { Clock } from "../base/clock.ts";
import type { Report } from "../base/report.ts";
import { hidden, type SavedError } from "../errors/saved-error.ts";
import { StoreError } from "../errors/store.ts";
import type { Store } from "../journal/store.ts";
import { type Rescuing, withRescue } from "./rescue.ts";
import { otherRescueFiles, type Rescued, readBack, rescueFileFor } from "./rescue-file.ts";
import { type NamedStore, selectedStore } from "./selected.ts";

export interface LedgerOptions {
  /** The caller's, who closes it, or its name. @default what the environment names at the first call */
  readonly store: Store | string | undefined;
  readonly clock: Clock;
  readonly env: () => Readonly<Record<string, string | undefined>>;
  readonly rescueFile: () => string | undefined;
  readonly report: Report;
  /** A text without keys and secrets. */
  readonly hide: (text: string) => string;
}

/** The store that a client notes its calls in. Nothing of it is made before it is used. */
export interface Ledger {
  /** Its failures are told. */
  direct(): Store;
  /** The same, told of failures without keys and secrets. */
  told(): Store;
  /** What it cannot take once a call is paid goes to the rescue file, and it is told no secrets. */
  guarded(): Store;
  rescue(file?: string): Promise<Rescued>;
  close(): Promise<void>;
}

export function createLedger({ store: given, clock, env, report, hide, ...options }: LedgerOptions): Ledger {
  const named = (): NamedStore =>
    typeof given === "string"
      ? { selector: given, by: "option" }
      : { selector: env()["FAL_CHAIN_STORE"], by: "variable" };
  let direct = typeof given === "string" ? undefined : given;
  let told: Store | undefined;
  let guarded: Store | undefined;
  let rescuing: Rescuing | undefined;
  const rescueFile = () => options.rescueFile() ?? rescueFileFor(ledger.direct(), env());
  const ledger: Ledger = {
    direct() {
      direct ??= selectedStore(named(), clock);
      return direct;
    },
    told() {
      told ??= redacted(ledger.direct(), hide);
      return told;
    },
    guarded() {
      const otherFiles = (file: string) => otherRescueFiles(file, env());
      rescuing ??= withRescue(ledger.direct(), { file: rescueFile, otherFiles, report, clock });
      guarded ??= redacted(rescuing.store, hide);
      return guarded;
    },
    async rescue(file) {
      // It is opened first, since which file it is may depend on the store.
      await ledger.direct().calls.list({ limit: 1 });
      const path = file ?? rescueFile();
      if (path === undefined) throw new StoreError("There is no file system, and so no rescue file.");
      if (file !== undefined) return readBack(file, ledger.direct());
      const all = [];
      for (const one of [path, ...otherRescueFiles(path, env())])
        all.push(await readBack(one, ledger.direct()));
      return {
        file: path,
        restored: all.reduce((sum, { restored }) => sum + restored, 0),
        left: all.flatMap(({ left }) => left),
      };
    },
    async close() {
      await rescuing?.lastTry();
      if (typeof given !== "object") await direct?.close();
    },
  };
  return ledger;
}

/**
 * A store that is told of failures without keys and secrets: a message may quote what a server or the user's code wrote,
 * and a file outlives the process. Payloads are noted as they are.
 *
 * @param hide A text without them.
 */
function redacted(store: Store, hide: (text: string) => string): Store {
  const { calls, runs } = store;
  const hiddenIn = (error: SavedError): SavedError => hidden(error, hide);
  // Most hold none, and are not taken apart.
  const hiddenJson = (json: string): string =>
    hide(json) === json ? json : JSON.stringify(hidden(JSON.parse(json), hide));
  return {
    ...store,
    calls: {
      ...calls,
      failed: (id, error, at) => calls.failed(id, hiddenIn(error), at),
      givenUp: (id, why, at, error) => calls.givenUp(id, why, at, error && hiddenIn(error)),
    },
    runs: {
      ...runs,
      end: (fence, end, at) => runs.end(fence, end.error ? { ...end, error: hiddenIn(end.error) } : end, at),
      saveStep: (fence, step) =>
        runs.saveStep(fence, step.error ? { ...step, error: hiddenIn(step.error) } : step),
      appendEvents: (fence, events) => runs.appendEvents(fence, events.map(hiddenJson)),
    },
  };
}
