import { InvalidArgumentError } from "../errors/arguments.ts";

/** What a handler's answer carries besides what it gives. Of a stream, what is set before its first event counts. */
export class Reply {
  #status = 200;
  #headers: Headers | undefined;
  /** What this runner has at hand, so that fal sends it requests that were made with such a hint. At most a few words. */
  readonly hints: string[] = [];
  /** Whether fal is to end this runner after the answer: `x-fal-stop-runner`. @default what fal makes of the status */
  stopRunner: boolean | undefined = undefined;
  #billableUnits: number | undefined;

  /**
   * @default 200
   * @throws {InvalidArgumentError} for what is no status of an answer: 200 to 599.
   */
  get status(): number {
    return this.#status;
  }

  set status(status: number) {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new InvalidArgumentError(`The status of an answer is 200 to 599, and not ${String(status)}.`);
    }
    this.#status = status;
  }

  /** Further headers. Of those that make more than 16 KB in all, the longest are left out: fal would fail the answer. */
  get headers(): Headers {
    this.#headers ??= new Headers();
    return this.#headers;
  }

  /** Undefined where nobody has asked for any: most answers need none, and making them costs more than all else of a reply. */
  static headersIn(reply: Reply): Headers | undefined {
    return reply.#headers;
  }

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
  if (!Number.isInteger(units)) return units.toFixed(8);
  return Number.isSafeInteger(units) ? String(units) : String(BigInt(units));
}

/** fal charges the default for any answer that says nothing; for these an app of fal's own says 0. */
export const isFree = (status: number): boolean => status === 404 || status === 405 || status === 422;

/** Whether a header can hold it. */
const isSendable = (hint: string): boolean => /^[\x20-\x7e\xa0-\xff]*$/.test(hint);

/** The server says these itself: of a body that it has measured. */
export const OF_THE_SERVER = ["content-length", "transfer-encoding", "connection", "keep-alive"] as const;

/** By their names in lower case: a server sends these as they are. */
export type HeaderRecord = Readonly<Record<string, string>>;

/** The headers that a reply's author asked for, and those of fal's that follow from it. */
export function headersOf(reply: Reply): HeaderRecord {
  const { hints, stopRunner, billableUnits } = reply;
  const headers = Reply.headersIn(reply);
  const sent = hints.length > 0 ? hints.filter(isSendable) : hints;
  for (const name of OF_THE_SERVER) headers?.delete(name);
  return {
    ...(headers && recordOf(headers)),
    ...(billableUnits !== undefined && { "x-fal-billable-units": unitsText(billableUnits) }),
    ...(stopRunner !== undefined && { "x-fal-stop-runner": stopRunner ? "1" : "0" }),
    ...(sent.length > 0 && { "x-fal-runner-hints": sent.join(",") }),
  };
}

export const cookiesOf = (reply: Reply): readonly string[] => Reply.headersIn(reply)?.getSetCookie() ?? [];

/** Without its cookies, each of which is a header by itself. */
export function recordOf(headers: Headers): HeaderRecord {
  const { "set-cookie": _, ...record } = Object.fromEntries(headers);
  return record;
}

/** fal fails an answer whose headers are longer: https://fal.ai/docs/documentation/model-apis/common-parameters */
const MOST_HEADER_BYTES = 16 * 1024;
/** Left to the server and to fal's gateway, which add some of their own. */
const RESERVED_BYTES = 1024;

const sizeOf = ([name, value]: readonly [string, string]): number => name.length + value.length + 4;

/** Headers without what is too long for fal, the longest first: an answer that was paid for is not lost for them. */
export function fitHeaders(
  headers: HeaderRecord,
  cookies: readonly string[],
): { kept: HeaderRecord; cookies: readonly string[]; dropped: readonly string[] } {
  const named = Object.entries(headers);
  const ofCookies = cookies.map((cookie): [string, string] => ["set-cookie", cookie]);
  let left = MOST_HEADER_BYTES - RESERVED_BYTES;
  for (const entry of named) left -= sizeOf(entry);
  for (const entry of ofCookies) left -= sizeOf(entry);
  if (left >= 0) return { kept: headers, cookies, dropped: [] };
  const dropped = new Set<[string, string]>();
  for (const entry of [...named, ...ofCookies].sort((a, b) => sizeOf(b) - sizeOf(a))) {
    if (left >= 0) break;
    dropped.add(entry);
    left += sizeOf(entry);
  }
  const isKept = (entry: [string, string]) => !dropped.has(entry);
  return {
    kept: Object.fromEntries(named.filter(isKept)),
    cookies: ofCookies.filter(isKept).map(([, cookie]) => cookie),
    dropped: [...new Set([...dropped].map(([name]) => name))],
  };
}
