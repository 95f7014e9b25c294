import { tagOf } from "../attribution/tag-key.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";

/**
 * What is added to what a call costs to make its price for whoever it is made for, as a share: `0.2` is 20 % more. A number for
 * all calls, one for each value of a tag, or a function that is asked at each call.
 */
export type Markup = number | TagMarkup | ((call: MarkedCall) => number);

export interface TagMarkup {
  /** One of your own, or `job_id`, `app`, `chain`, `run`, `request`. */
  readonly tag: string;
  /** By the tag's value. */
  readonly values: Readonly<Record<string, number>>;
  /** For every other value, and for calls without the tag. @default 0 */
  readonly otherwise?: number;
}

/** What a markup can depend on. */
export interface MarkedCall {
  readonly endpoint: string;
  /** Your own, as they were given, and those of the client. */
  readonly tags: Readonly<Record<string, string>>;
}

/** More is a percentage that was meant as a share. */
const MOST = 10;

export const isMarkup = (value: unknown): value is number =>
  typeof value === "number" && value >= -1 && value <= MOST;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a client's option can be meant. */
export function isMarkupOption(value: unknown): boolean {
  if (typeof value === "function" || isMarkup(value)) return true;
  if (!isRecord(value) || typeof value["tag"] !== "string" || !isRecord(value["values"])) return false;
  const { values, otherwise } = value;
  return Object.values(values as object).every(isMarkup) && (otherwise === undefined || isMarkup(otherwise));
}

export const MARKUP_TAKES = `a share from -1 to ${MOST}, such as 0.2 for 20 %, { tag, values, otherwise } of such shares, or a function that gives one`;

/**
 * The markup of a call, taken when it is made: a later change is not for calls that were made before.
 *
 * @throws {InvalidArgumentError} for what a function of the caller's gave that is no share.
 */
export function markupOf(markup: Markup | undefined, call: MarkedCall): number | undefined {
  if (markup === undefined || typeof markup === "number") return markup;
  if (typeof markup === "object") {
    const value = tagOf(call.tags, markup.tag);
    const own = value !== undefined && Object.hasOwn(markup.values, value) ? markup.values[value] : undefined;
    return own ?? markup.otherwise ?? 0;
  }
  const given: unknown = markup(call);
  if (isMarkup(given)) return given;
  throw new InvalidArgumentError(
    `markup gave ${typeof given === "number" ? given : `a ${typeof given}`} for a call of ${call.endpoint}; it gives a share from ` +
      `-1 to ${MOST}, such as 0.2 for 20 %. Nothing was sent.`,
  );
}
