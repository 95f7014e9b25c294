import { InvalidArgumentError } from "../errors/arguments.ts";

/** What a handler's answer carries besides what it gives. Of a stream, what is set before its first event counts. */
export class Reply {
  /** @default 200 */
  status = 200;
  /** Further headers. fal fails an answer whose headers are more than 16 KB in all. */
  readonly headers: Headers = new Headers();
  /** What this runner has at hand, so that fal sends it requests that were made with such a hint. At most a few words. */
  readonly hints: string[] = [];
  /** Whether fal is to end this runner after the answer: `x-fal-stop-runner`. @default what fal makes of the status */
  stopRunner: boolean | undefined = undefined;
  #billableUnits: number | undefined;

  /**
   * What the caller is charged, in the endpoint's unit: `x-fal-billable-units`. Undefined: what fal takes by default; say 0
   * for an answer that is free.
   *
   * @throws {InvalidArgumentError} for what is no number from 0 up.
   */
  get billableUnits(): number | undefined {
    return this.#billableUnits;
  }

  set billableUnits(units: number | undefined) {
    if (units !== undefined) unitsText(units);
    this.#billableUnits = units;
  }
}

/** As fal's own SDK writes them: whole numbers as they are, others with eight decimals. @throws {InvalidArgumentError} */
export function unitsText(units: number): string {
  if (typeof units !== "number" || !(units >= 0) || units === Infinity) {
    throw new InvalidArgumentError(`Billable units are a number from 0 up, and not ${String(units)}.`);
  }
  return Number.isInteger(units) ? String(units) : units.toFixed(8);
}

/** The headers that a reply's author asked for, and those of fal's that follow from it. */
export function headersOf({ headers, hints, stopRunner, billableUnits }: Reply): Headers {
  const all = new Headers(headers);
  if (billableUnits !== undefined) all.set("x-fal-billable-units", unitsText(billableUnits));
  if (stopRunner !== undefined) all.set("x-fal-stop-runner", stopRunner ? "1" : "0");
  if (hints.length > 0) all.set("x-fal-runner-hints", hints.join(","));
  return all;
}

/** fal fails an answer whose headers are longer: https://fal.ai/docs/documentation/model-apis/common-parameters */
const MOST_HEADER_BYTES = 16 * 1024;
/** Left to the server and to fal's gateway, which add some of their own. */
const RESERVED_BYTES = 1024;

/**
 * Takes out of headers what is too long for fal, the longest first: an answer that was paid for is not lost for them.
 *
 * @returns the names of those that were taken out.
 */
export function fitHeaders(headers: Headers): readonly string[] {
  let left = MOST_HEADER_BYTES - RESERVED_BYTES;
  const sizes = [...headers].map(([name, value]) => ({ name, size: name.length + value.length + 4 }));
  for (const { size } of sizes) left -= size;
  const dropped: string[] = [];
  for (const { name, size } of sizes.sort((a, b) => b.size - a.size)) {
    if (left >= 0) break;
    headers.delete(name);
    dropped.push(name);
    left += size;
  }
  return dropped;
}
