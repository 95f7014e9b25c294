import { randomFrom } from "../../model/random.ts";
import { canHappenTo, type Fault, type FaultText, faultFrom, happensTo } from "./fault.ts";
import { checkMatch, type FaultMatch, isMeant } from "./match.ts";
import type { Operation } from "./operation.ts";
import { inWords } from "./words.ts";

/** How likely each fault is, from 0 to 1, for each operation: `{ submit: { "lost-response": 0.01 } }`. */
export type FaultRates = { readonly [O in Operation]?: { readonly [fault in FaultText]?: number } };

/** What goes wrong, and when. Where several could happen at once: a header's, then the script's, then chance's. */
export interface Faults {
  /**
   * Makes the next exchange that matches go wrong, or the next `count`. Of several that match, the one that was
   * scripted first happens; the others wait for the next exchange.
   *
   * @throws {RangeError} for a fault or a setting that does not exist, or that cannot happen to the operation.
   */
  next(match: Operation | FaultMatch, fault: FaultText | Fault, count?: number): void;
  /**
   * Makes exchanges go wrong by chance, instead of the chance set before. With the same seed, the n-th exchange of an
   * operation always meets the same.
   */
  random(chance: { readonly seed?: number; readonly rates: FaultRates }): void;
  /**
   * Scripts a fault in words: `[MODEL] fail [once|twice|always|N times] [at OPERATION] [with FAULT]`.
   *
   * @example emulator.faults.make("esrgan fail once");
   * @throws {RangeError} for words that say none, and for what does not exist, naming what does.
   */
  make(words: string): void;
  /** Forgets script and chance: from now on everything goes well. */
  clear(): void;
  /** How many scripted faults have still to happen; endless ones do not count. */
  readonly pending: number;
  /**
   * That every scripted fault has happened as often as was asked for, and an endless one once: a test whose fault never
   * came has tested nothing.
   *
   * @throws {Error} naming those that did not happen, and what was asked instead.
   */
  verify(): void;
}

/** One exchange, as far as it matters for what can go wrong with it. */
export interface Occasion {
  readonly operation: Operation;
  readonly endpoint: string | undefined;
  readonly requestId: string | undefined;
}

export interface FaultPlan extends Faults {
  /** False when nothing can go wrong: asking for an occasion is pointless then. */
  readonly active: boolean;
  pick(occasion: Occasion): Fault | undefined;
}

interface Scripted {
  /** Of several that match, the one that was scripted first happens. */
  readonly order: number;
  readonly match: FaultMatch;
  readonly fault: Fault;
  left: number;
  seen: number;
  /** Whether it has happened at all. */
  used: boolean;
}

type Chance = ReadonlyMap<Operation, () => Fault | undefined>;

/** @param endpoints Those that exist: a part of an id stands for each that has it. */
export function createFaultPlan(endpoints: () => Iterable<string> = () => []): FaultPlan {
  /** By the request that each is for, since thousands of requests may bring one of their own; undefined: for any. */
  let script = new Map<string | undefined, Scripted[]>();
  let count = 0;
  let chance: Chance = new Map();

  const fromScript = (occasion: Occasion): Fault | undefined => {
    const { requestId } = occasion;
    const own = requestId === undefined ? [] : (script.get(requestId) ?? []);
    let happens: Scripted | undefined;
    for (const scripted of [...(script.get(undefined) ?? []), ...own]) {
      if (!matches(scripted, occasion)) continue;
      scripted.seen += 1;
      if (scripted.seen < (scripted.match.nth ?? 1)) continue;
      if (!happens || scripted.order < happens.order) happens = scripted;
    }
    if (happens) {
      happens.left -= 1;
      happens.used = true;
    }
    if (happens?.left === 0) drop(happens);
    return happens?.fault;
  };

  /** What was asked since there was a script, for whoever looks why a fault did not happen. */
  const seen = new Map<string, number>();
  const note = ({ operation, endpoint = "" }: Occasion) => {
    const what = `${operation} ${endpoint}`.trim();
    if (seen.size < MOST_SEEN || seen.has(what)) seen.set(what, (seen.get(what) ?? 0) + 1);
  };

  const drop = (done: Scripted) => {
    const { requestId } = done.match;
    const rest = script.get(requestId)?.filter((scripted) => scripted !== done) ?? [];
    if (rest.length > 0) script.set(requestId, rest);
    else script.delete(requestId);
  };

  const plan: FaultPlan = {
    make(words) {
      const { fault, count: times, ...match } = inWords(words);
      plan.next(match, fault, times);
    },
    next(match, written, times = 1) {
      const fault = faultFrom(written);
      const where = typeof match === "string" ? { operation: match } : match;
      checkMatch(where, endpoints);
      if (where.operation) insist(fault, where.operation);
      for (const [name, value] of Object.entries({ count: times, nth: where.nth ?? 1 })) {
        if (value !== Number.POSITIVE_INFINITY && !(Number.isInteger(value) && value >= 1)) {
          throw new RangeError(`${name} must be a whole number from 1 up, not ${value}`);
        }
      }
      const scripted = { order: count++, match: where, fault, left: times, seen: 0, used: false };
      script.set(where.requestId, [...(script.get(where.requestId) ?? []), scripted]);
    },
    random({ seed = 0, rates }) {
      chance = new Map(
        Object.entries(rates).map(([operation, table]) => {
          const name = operation as Operation;
          return [name, drawing(name, table, randomFrom(seed, "fault", name))];
        }),
      );
    },
    clear() {
      script = new Map();
      chance = new Map();
      seen.clear();
    },
    verify() {
      const waiting = [...script.values()].flat().filter(({ left, used }) => Number.isFinite(left) || !used);
      if (waiting.length > 0) throw new Error(neverHappened(waiting, seen));
    },
    get pending() {
      const left = [...script.values()].flat().map((scripted) => scripted.left);
      return left.filter(Number.isFinite).reduce((sum, one) => sum + one, 0);
    },
    get active() {
      return script.size > 0 || chance.size > 0;
    },
    pick(occasion) {
      // Chance is asked each time, so that the script does not shift what it gives to later exchanges.
      note(occasion);
      const byChance = chance.get(occasion.operation)?.();
      return fromScript(occasion) ?? byChance;
    },
  };
  return plan;
}

const MOST_SEEN = 50;

function neverHappened(waiting: readonly Scripted[], seen: ReadonlyMap<string, number>): string {
  const lines = waiting.map(({ match, fault, left }) => {
    const { operation = "any", endpoint, requestId, nth } = match;
    const where = [operation, endpoint, requestId, nth === undefined ? undefined : `nth ${nth}`];
    const times = Number.isFinite(left) && left > 1 ? `, ${left} times` : "";
    const near = nearest(match, fault, seen);
    const missed = near.length > 0 ? ` (nearest: ${near.join(", ")})` : "";
    return `  ${fault.name} for ${where.filter(Boolean).join(" ")}${times}${missed}`;
  });
  const asked = [...seen].map(([what, count]) => `  ${what} (${count})`);
  const there = asked.length > 0 ? asked : ["  nothing"];
  return ["Faults were scripted that never happened:", ...lines, "What was asked since:", ...there].join(
    "\n",
  );
}

/** What differs in one respect only. */
function nearest(match: FaultMatch, fault: Fault, seen: ReadonlyMap<string, number>): string[] {
  return [...seen.keys()].filter((what) => {
    const [operation = "", endpoint] = what.split(" ");
    const isOperation = (match.operation ?? operation) === operation;
    const isPossible = canHappenTo(fault, operation as Operation);
    const isEndpoint = isMeant(match.endpoint, endpoint);
    return isEndpoint ? match.endpoint !== undefined || isOperation : isOperation && isPossible;
  });
}

function matches({ match, fault }: Scripted, { operation, endpoint, requestId }: Occasion): boolean {
  return (
    canHappenTo(fault, operation) &&
    (match.operation ?? operation) === operation &&
    isMeant(match.endpoint, endpoint) &&
    (match.requestId ?? requestId) === requestId
  );
}

/** A source of faults in the given proportions; what is left up to 1 goes well. */
function drawing(
  operation: Operation,
  table: { readonly [fault in FaultText]?: number },
  random: () => number,
): () => Fault | undefined {
  const likely = Object.entries(table).map(([text, rate = 0]) => ({ fault: faultFrom(text), rate }));
  for (const { fault, rate } of likely) {
    insist(fault, operation);
    if (!(rate >= 0 && rate <= 1))
      throw new RangeError(`The rate of "${fault.name}" must be from 0 to 1, not ${rate}`);
  }
  const sum = likely.reduce((total, { rate }) => total + rate, 0);
  if (sum > 1 + 1e-9) throw new RangeError(`The rates of ${operation} add up to ${sum}, more than 1`);
  return () => {
    let share = random();
    return likely.find(({ rate }) => {
      share -= rate;
      return share < 0;
    })?.fault;
  };
}

function insist(fault: Fault, operation: Operation): void {
  if (canHappenTo(fault, operation)) return;
  const possible = happensTo(fault.name).join(", ");
  throw new RangeError(
    `The fault "${fault.name}" cannot happen to "${operation}". It can happen to: ${possible}.`,
  );
}
