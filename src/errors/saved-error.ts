import { AccountLockedError, ApiError, ValidationError, withoutInput } from "./api.ts";
import { OutputMismatchError } from "./arguments.ts";
import type { FalErrorCode } from "./codes.ts";
import { FalError } from "./fal-error.ts";
import { isOfTheRun, kindOf } from "./registry.ts";
import { isSecretName, Room, restoredValue, savedValue } from "./saved-value.ts";

/** An error as it is kept: the facts, without stack. Plain JSON; what JSON cannot say is written as `savedValue` does. */
export interface SavedError {
  readonly name: string;
  /** That of a `FalError`; `unexpected` for any other. */
  readonly code: FalErrorCode | "unexpected";
  readonly message: string;
  readonly endpoint?: string;
  readonly requestId?: string;
  readonly status?: number;
  readonly errorType?: string;
  readonly retryable: boolean;
  readonly billed: boolean | "unknown";
  /** What only its class has, such as the fields that a validation found wrong, or an answer's body and headers. */
  readonly facts?: Facts;
  /** The same of what is not enumerable, of somebody else's error. */
  readonly hidden?: Facts;
  readonly cause?: unknown;
  /** The class of the language that somebody else's error is of, or extends. */
  readonly class?: string;
  /** What was thrown, where that was no error. */
  readonly thrown?: unknown;
}

type Facts = Readonly<Record<string, unknown>>;

/** An error as the store keeps it. Messages hold no prompt and no key, so they may be written down. */
export const savedError = (error: unknown): SavedError => save(error, new Room());

/** The same for a submit that was not accepted: nothing is paid for it, unless fal says that it bills it. */
export function savedRefusal(error: unknown): SavedError {
  const saved = savedError(error);
  return { ...saved, billed: saved.billed === true };
}

/**
 * An error as a later execution will see it, which is how the first one is to see it too. It keeps its stack; one that is
 * the run's own is never replayed, and is itself.
 *
 * @param hide A text without keys and secrets, as stores are told of failures.
 */
export function asReplayed(error: unknown, hide: (text: string) => string): unknown {
  if (isOfTheRun(error)) return error;
  const seen = restoredError(hidden(savedError(error), hide));
  if (!(seen instanceof Error) || !(error instanceof Error)) return seen;
  define(seen, "stack", error.stack, false);
  // What becomes of a cancel is known here, and here only.
  if (error instanceof FalError && "cancel" in error) define(seen, "cancel", error.cancel, true);
  return seen;
}

/** The same without keys and secrets. Each text by itself: a secret of digits may be a part of a number, and of JSON's own signs. */
export const hidden = <T>(saved: T, hide: (text: string) => string): T => hiddenValue(saved, hide) as T;

function hiddenValue(value: unknown, hide: (text: string) => string): unknown {
  if (typeof value === "string") return hide(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => hiddenValue(item, hide));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) =>
      isOurWord(name, item) ? [name, item] : [nameWithout(name, hide), hiddenValue(item, hide)],
    ),
  );
}

/** What is read back by: a short secret may be the same word. */
const isOurWord = (name: string, item: unknown): boolean =>
  /^(type|state|code|name|class)$/.test(name) && typeof item === "string" && /^[A-Za-z_-]{1,30}$/.test(item);

const SHORT_NAME = /^\w{1,7}$/;
const nameWithout = (name: string, hide: (text: string) => string): string =>
  SHORT_NAME.test(name) ? name : hide(name);

/** The same without the results that it holds: where those are kept elsewhere, or not at all. */
export const withoutResults = (saved: SavedError): SavedError =>
  JSON.parse(JSON.stringify(saved), (_, value: unknown) => {
    if ((value as SavedError | null)?.code !== "output_mismatch") return value;
    const { hidden: _result, ...rest } = value as SavedError;
    return rest;
  });

/** The same class, code and facts again, so that a `catch` that told errors apart once tells them apart again. */
export function restoredError(saved: SavedError): unknown {
  const { code } = saved;
  if (code === "unexpected") return restoredOther(saved);
  const kind = kindOf(code);
  const error = !kind
    ? new Error(saved.message)
    : ANSWERS.has(code)
      ? restoredAnswer(saved)
      : // It keeps its own message: constructors would word one anew.
        (Object.setPrototypeOf(new RestoredError(saved), kind.class.prototype) as Error);
  if ("cause" in saved) define(error, "cause", restored(saved.cause), false);
  if (code === "output_mismatch" && saved.hidden) defineAll(error, saved.hidden, false);
  // What became of its cancel is not known any more.
  const isGivenUp = code === "aborted" || code === "timeout";
  return isGivenUp ? Object.assign(error, { cancel: Promise.resolve("unknown") }) : error;
}

const save = (value: unknown, room: Room): SavedError =>
  value instanceof FalError && kindOf(value.code) ? saveOurs(value, room) : saveOther(value, room);

const saveAsValue = (value: unknown, room: Room): unknown => savedValue(value, room, save);
const restored = (value: unknown): unknown =>
  restoredValue(value, restoredError as (saved: never) => unknown);

function saveOurs(error: FalError, room: Room): SavedError {
  const { name, code, message, endpoint, requestId, retryable, billed } = error;
  const { status, errorType } = error instanceof ApiError ? error : {};
  const facts = factsOf(error, room);
  return {
    ...{ name, code, message, retryable, billed },
    ...(endpoint !== undefined && { endpoint }),
    ...(requestId !== undefined && { requestId }),
    ...(status !== undefined && { status }),
    ...(errorType !== undefined && { errorType }),
    ...(Object.keys(facts).length > 0 && { facts }),
    ...(error instanceof OutputMismatchError && { hidden: { result: saveAsValue(error.result, WHOLE()) } }),
    ...causeOf(error, room),
  };
}

/** It is paid for. */
const WHOLE = () => new Room(Infinity, Infinity);

const causeOf = ({ cause }: Error, room: Room): { cause?: unknown } =>
  cause === undefined ? {} : { cause: saveAsValue(cause, room) };

/** What its class adds, and what its thrower did. A promise says nothing later. */
function factsOf(error: FalError, room: Room): Facts {
  const known = error instanceof ApiError ? OF_ANSWERS : COMMON;
  const own = Object.entries(error).filter(([name]) => !known.has(name));
  const facts = own.map(([name, value]) => [name, saveAsValue(value, room)] as const);
  return { ...Object.fromEntries(facts), ...(error instanceof ApiError && answerOf(error, room)) };
}

const COMMON = new Set(["name", "code", "endpoint", "requestId", "retryable", "billed", "cancel"]);
const OF_ANSWERS = new Set([...COMMON, "status", "errorType"]);

function answerOf({ body, headers }: ApiError, room: Room): Facts {
  const kept = [...headers].filter(([name]) => KEPT_HEADERS.test(name) && !isSecretName(name));
  return {
    ...(body !== undefined && { body: saveAsValue(withoutInput(body), room) }),
    ...(kept.length > 0 && { headers: saveAsValue(Object.fromEntries(kept), room) }),
  };
}

/** What a program may decide by. */
const KEPT_HEADERS = /^(retry-after|content-type|date|x-fal-.*|x-app-fal-.*|(x-)?ratelimit.*)$/;

const ANSWERS: ReadonlySet<string> = new Set(["api", "validation", "account_locked"]);

function restoredAnswer(saved: SavedError): ApiError {
  const { code, name, message, endpoint, requestId, status = 0, errorType, retryable, billed } = saved;
  const { body, headers, ...own } = saved.facts ?? {};
  const facts = {
    ...{ endpoint, requestId, status },
    body: restored(body) as never,
    headers: new Headers(restored(headers) as Record<string, string> | undefined),
  };
  const error =
    code === "validation"
      ? new ValidationError(facts)
      : code === "account_locked"
        ? new AccountLockedError(facts, String(own["reason"]))
        : new ApiError(facts);
  // It keeps its own message, and what its thrower made of it.
  define(error, "message", message, false);
  defineAll(error, own, true);
  return Object.assign(error, { name, errorType, retryable, billed });
}

class RestoredError extends FalError {
  override readonly name: string;
  readonly code: FalErrorCode;

  constructor({ name, code, message, facts = {}, endpoint, requestId, retryable, billed }: SavedError) {
    super(message, { endpoint, requestId, retryable, billed });
    this.name = name;
    this.code = code as FalErrorCode;
    defineAll(this, facts, true);
  }
}

/** The language's classes of errors: an error of a program's own class is restored as what that extends. */
const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  ...{ Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError },
  AggregateError: class extends AggregateError {
    constructor(message: string) {
      super([], message);
      Object.setPrototypeOf(this, AggregateError.prototype);
    }
  },
};

/** Whatever a program throws. */
function saveOther(value: unknown, room: Room): SavedError {
  const common = { code: "unexpected", retryable: false, billed: "unknown" } as const;
  if (!isError(value)) {
    const message = textOf(value).slice(0, LONGEST_TEXT);
    return { ...common, name: "Error", message, thrown: saveAsValue(value, room) };
  }
  const facts: [string, unknown][] = [];
  const unseen: [string, unknown][] = [];
  let kind = "Error";
  for (let level: object | null = value; level !== null; level = Object.getPrototypeOf(level)) {
    const found = level === value ? undefined : languageClassOf(level);
    if (found !== undefined) {
      kind = found;
      break;
    }
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      const of = level === value && property.enumerable === true ? facts : unseen;
      if (!isKept(name, of === unseen) || [...facts, ...unseen].some(([known]) => known === name)) continue;
      const given = fieldOf(value, name);
      if (given !== undefined && typeof given !== "function") of.push([name, saveAsValue(given, room)]);
    }
  }
  return {
    ...{ ...common, name: String(fieldOf(value, "name")), class: kind },
    message: textOf(fieldOf(value, "message")),
    ...(facts.length > 0 && { facts: Object.fromEntries(facts) }),
    ...(unseen.length > 0 && { hidden: Object.fromEntries(unseen) }),
    ...causeOf(value, room),
  };
}

/** How much of the text of something that is no error is its message. */
const LONGEST_TEXT = 1_000;

const isError = (value: unknown): value is Error =>
  value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";

const isKept = (name: string, isHidden: boolean): boolean =>
  !["stack", "message", "cause", "constructor"].includes(name) &&
  !(isHidden && (name === "name" || name.startsWith("_"))) &&
  !isSecretName(name);

/** By its name: an error may be of another realm. */
function languageClassOf(prototype: object): string | undefined {
  if (!Object.hasOwn(prototype, "constructor")) return undefined;
  const { name } = prototype.constructor;
  return Object.hasOwn(CLASSES, name) || name === "DOMException" ? name : undefined;
}

/** A getter may throw. */
function fieldOf(value: object, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    const message = fieldOf(value, "message");
    return typeof message === "string" ? message : "something that is no error was thrown";
  }
  return String(value);
}

function restoredOther({ name, message, facts = {}, hidden = {}, ...saved }: SavedError): unknown {
  if ("thrown" in saved) return restored(saved.thrown);
  const kind = saved.class ?? name;
  const error =
    kind === "DOMException"
      ? new DOMException(message, name)
      : new ((Object.hasOwn(CLASSES, kind) && CLASSES[kind]) || Error)(message);
  if (error.name !== name) define(error, "name", name, false);
  defineAll(error, hidden, false);
  defineAll(error, facts, true);
  if ("cause" in saved) define(error, "cause", restored(saved.cause), false);
  return error;
}

function defineAll(error: Error, facts: Facts, enumerable: boolean): void {
  for (const [name, value] of Object.entries(facts)) define(error, name, restored(value), enumerable);
}

/** Not assigned: what its class has under that name may be read only. */
function define(error: Error, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, name, { value, enumerable, writable: true, configurable: true });
}
