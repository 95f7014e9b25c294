import * as z from "zod";
import type { Operation } from "./operation.ts";

/** How a connection breaks before an answer. */
export interface Breaking {
  /**
   * `reset`: the peer resets it (`ECONNRESET`). `hang-up`: the peer closes it in good order, but too early
   * (`UND_ERR_SOCKET` in Node's fetch). @default "reset"
   */
  readonly how?: "reset" | "hang-up";
}

/** When the caller is told to come again. */
export interface ComeAgain {
  /** Milliseconds from now. Without it the answer says nothing. */
  readonly retryAfterMs?: number;
  /** `Retry-After` in whole seconds, `Retry-After` as a date, or `Retry-After-Ms`. @default "seconds" */
  readonly retryAfterAs?: "seconds" | "date" | "ms";
}

/** Whether the request behind the answer was acted on. */
export interface Acceptance {
  /** True: the emulator acts on the request first, so a submit leaves an accepted, billed job behind. @default false */
  readonly accepted?: boolean;
  /** Whether the answer to an accepted submit carries its `x-fal-request-id` all the same. @default false */
  readonly named?: boolean;
}

/** How a stream of events, or its bytes, gets to the point where it goes wrong. */
export interface AfterSome {
  /** Events that still come; pings do not count. @default 1, unless `afterBytes` is given */
  readonly afterEvents?: number;
  /** Bytes that still come. */
  readonly afterBytes?: number;
}

/** The 503s that fal lists: the platform could not hand the request to a runner. */
export const RUNNER_ERRORS = [
  "runner_scheduling_failure",
  "runner_connection_timeout",
  "runner_disconnected",
  "runner_connection_refused",
  "runner_connection_error",
] as const;

/** One way in which an exchange between a client and the platform goes wrong. */
export type Fault =
  /** The request is acted on; then the connection breaks, and nobody learns the answer. */
  | ({ readonly name: "lost-response" } & Breaking)
  /** The connection breaks before the request is acted on. A client cannot tell this from `lost-response`. */
  | ({ readonly name: "reset-before" } & Breaking)
  /** No connection is made (`ECONNREFUSED`): provably not sent. In process only; over a socket a 400 says so. */
  | { readonly name: "refused" }
  /** Too many requests: refused, in the words of fal's concurrency limit. */
  | ({ readonly name: "429" } & ComeAgain)
  /** The platform, or the proxy before it, is unavailable. */
  | ({
      readonly name: "503";
      /** One of fal's types, also in `X-Fal-Error-Type`. @default "runner_scheduling_failure" */
      readonly errorType?: (typeof RUNNER_ERRORS)[number];
      /** A proxy's HTML page instead: none of fal's headers. @default false */
      readonly page?: boolean;
    } & Acceptance &
      ComeAgain)
  /** A proxy's page: bad gateway. */
  | ({ readonly name: "502" } & Acceptance)
  /** A proxy's page: gateway timeout. */
  | ({ readonly name: "504" } & Acceptance)
  /** Everything is right, but late. */
  | { readonly name: "slow-headers" /** @default 30_000 */; readonly ms?: number }
  /** The headers come at once, the body in pieces. */
  | {
      readonly name: "slow-body";
      /** Wait before each piece. @default 1_000 */
      readonly ms?: number;
      /** Length of a piece. @default 64 */
      readonly bytes?: number;
    }
  /** The headers promise the whole body, and the connection breaks within it. */
  | {
      readonly name: "truncated" /** Bytes that still come. @default half of them */;
      readonly bytes?: number;
    }
  /** A 200 with an HTML page: a captive portal, or a proxy's idea of an answer. The request was acted on. */
  | { readonly name: "not-json" }
  /** A 200 without a body. The request was acted on. */
  | { readonly name: "empty" }
  /** A stream that is over before its end: a status stream before `COMPLETED`. */
  | ({
      readonly name: "stream-cut";
      /** `breaks`: the connection does. `ends`: an end as if nothing were missing. @default "breaks" */
      readonly how?: "breaks" | "ends";
    } & AfterSome)
  /** A stream that falls silent, pings included, and stays open. */
  | ({ readonly name: "stream-stall" } & AfterSome)
  /** Every event of a stream in pieces: within lines, names and the bytes of one character. */
  | { readonly name: "stream-split" /** @default 1 */; readonly bytes?: number }
  /** A status that is older than one given before: a poll that falls back to the queue, a stream that repeats its start. */
  | { readonly name: "wrong-order" }
  /** The submitted request runs and fails: `COMPLETED` with an error, and a result that is that error. */
  | {
      readonly name: "completed-with-error";
      /** What reading the result gives. @default 500 */
      readonly status?: number;
      /** @default "runner_server_error" */
      readonly errorType?: string;
      /** @default "The runner failed." */
      readonly error?: string;
      /** fal never bills a 5xx, but may bill a 422. @default 0 */
      readonly billableUnits?: number;
    }
  /** A result that is asked for too late: 404. */
  | { readonly name: "result-expired" }
  /** A result that is asked for too early, though the status says `COMPLETED`: 400. */
  | { readonly name: "400-early-result" }
  /** Links in the answer that lead to another origin. */
  | { readonly name: "foreign-links" /** @default "https://queue.fal.example" */; readonly origin?: string }
  /** Sent elsewhere; not acted on. */
  | {
      readonly name: "redirect";
      /** @default 307 */
      readonly status?: 302 | 307 | 308;
      /** @default "https://elsewhere.example/" */
      readonly to?: string;
    }
  /** The webhook comes before the answer to the submit does. */
  | { readonly name: "hook-first" }
  /** The webhook is sent late. */
  | { readonly name: "hook-late" /** After the end of the request. @default 60_000 */; readonly ms?: number }
  /** The webhook is sent twice at the same time. */
  | { readonly name: "hook-twice" }
  /** The webhook is never sent. */
  | { readonly name: "hook-never" }
  /** The webhook is signed with a key that nobody knows, at every attempt. */
  | { readonly name: "hook-forged" }
  /** The webhook has no payload but a `payload_error`, as of a result that is not JSON. */
  | { readonly name: "hook-unreadable" };

export type FaultName = Fault["name"];

const whole = z.int().min(0);
const ms = z.number().min(0);
const breaking = { how: z.enum(["reset", "hang-up"]).exactOptional() };
const comeAgain = {
  retryAfterMs: ms.exactOptional(),
  retryAfterAs: z.enum(["seconds", "date", "ms"]).exactOptional(),
};
const acceptance = { accepted: z.boolean().exactOptional(), named: z.boolean().exactOptional() };
const afterSome = { afterEvents: whole.exactOptional(), afterBytes: whole.exactOptional() };

const EXCHANGES = [
  "submit",
  "run",
  "status",
  "result",
  "cancel",
  "platform",
  "storage",
  "file",
  "other",
] as const satisfies Operation[];
const STREAMS = ["stream", "run-stream"] as const satisfies Operation[];
const ALL = [...EXCHANGES, ...STREAMS] as const satisfies Operation[];

interface Kind {
  readonly settings: z.ZodRawShape;
  /** To what it can happen. */
  readonly happensTo: readonly Operation[];
}

const KINDS: { readonly [N in FaultName]: Kind } = {
  "lost-response": { settings: breaking, happensTo: ALL },
  "reset-before": { settings: breaking, happensTo: ALL },
  refused: { settings: {}, happensTo: ALL },
  "429": { settings: comeAgain, happensTo: ALL },
  "503": {
    settings: {
      errorType: z.enum(RUNNER_ERRORS).exactOptional(),
      page: z.boolean().exactOptional(),
      ...acceptance,
      ...comeAgain,
    },
    happensTo: ALL,
  },
  "502": { settings: acceptance, happensTo: ALL },
  "504": { settings: acceptance, happensTo: ALL },
  "slow-headers": { settings: { ms: ms.exactOptional() }, happensTo: ALL },
  "slow-body": {
    settings: { ms: ms.exactOptional(), bytes: whole.min(1).exactOptional() },
    happensTo: ALL,
  },
  truncated: { settings: { bytes: whole.exactOptional() }, happensTo: EXCHANGES },
  "not-json": { settings: {}, happensTo: ALL },
  empty: { settings: {}, happensTo: ALL },
  "stream-cut": {
    settings: { how: z.enum(["breaks", "ends"]).exactOptional(), ...afterSome },
    happensTo: STREAMS,
  },
  "stream-stall": { settings: afterSome, happensTo: STREAMS },
  "stream-split": { settings: { bytes: whole.min(1).exactOptional() }, happensTo: STREAMS },
  "wrong-order": { settings: {}, happensTo: ["status", "stream"] },
  "completed-with-error": {
    settings: {
      status: z.int().min(400).max(599).exactOptional(),
      errorType: z.string().min(1).exactOptional(),
      error: z.string().exactOptional(),
      billableUnits: z.number().min(0).exactOptional(),
    },
    happensTo: ["submit", "run", "run-stream"],
  },
  "result-expired": { settings: {}, happensTo: ["result"] },
  "400-early-result": { settings: {}, happensTo: ["result"] },
  "foreign-links": {
    settings: { origin: z.url().exactOptional() },
    happensTo: ["submit", "status", "stream"],
  },
  redirect: {
    settings: { status: z.literal([302, 307, 308]).exactOptional(), to: z.string().exactOptional() },
    happensTo: ALL,
  },
  "hook-first": { settings: {}, happensTo: ["submit"] },
  "hook-late": { settings: { ms: ms.exactOptional() }, happensTo: ["webhook"] },
  "hook-twice": { settings: {}, happensTo: ["webhook"] },
  "hook-never": { settings: {}, happensTo: ["webhook"] },
  "hook-forged": { settings: {}, happensTo: ["webhook"] },
  "hook-unreadable": { settings: {}, happensTo: ["webhook"] },
};

export const canHappenTo = ({ name }: Fault, operation: Operation): boolean =>
  KINDS[name].happensTo.includes(operation);

export const happensTo = (name: FaultName): readonly Operation[] => KINDS[name].happensTo;

/** A fault's name, alone or with settings: `503`, `503; page=true; retryAfterMs=2000`. */
export type FaultText = FaultName | `${FaultName};${string}`;

/**
 * Reads a fault as it was written down, by name or as an object.
 *
 * @throws {RangeError} for a name or a setting that does not exist: a misspelt fault would be a test of nothing.
 */
export function faultFrom(written: Fault | string): Fault {
  const raw = typeof written === "string" ? parseText(written) : written;
  const kind = Object.hasOwn(KINDS, raw.name) ? KINDS[raw.name as FaultName] : undefined;
  if (!kind) {
    throw new RangeError(
      `There is no fault named "${raw.name}". Faults are: ${Object.keys(KINDS).join(", ")}.`,
    );
  }
  const { name, ...settings } = raw;
  const parsed = z.strictObject(kind.settings).safeParse(settings);
  if (!parsed.success) {
    const why = parsed.error.issues.map(({ path, message }) => [...path, message].join(": ")).join("; ");
    throw new RangeError(
      `The fault "${name}" cannot be set so (${why}). Its settings are: ${Object.keys(kind.settings).join(", ") || "none"}.`,
    );
  }
  // The table above has a row for each member of the union, with its settings.
  return { name, ...parsed.data } as Fault;
}

function parseText(text: string): { readonly name: string; readonly [setting: string]: unknown } {
  const [name = "", ...settings] = text.split(";").map((part) => part.trim());
  const pairs = settings.filter(Boolean).map((setting): [string, unknown] => {
    const [key = "", ...value] = setting.split("=");
    return [key.trim(), settingFrom(value.join("=").trim())];
  });
  return { ...Object.fromEntries(pairs), name };
}

function settingFrom(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
