import * as z from "zod/mini";
import { parseForeign } from "../base/json.ts";
import type { WireReply } from "../base/transport.ts";
import { REQUEST_ID } from "../journal/call.ts";

/**
 * fal's wire, parsed at the door: unknown fields pass, unknown states are named. What only goes along, such as a position,
 * a log line or a figure, is left out where it cannot be meant: a request is not lost for it.
 * Source: https://fal.ai/docs/api-reference/inference-api
 */

const optional = <T>(schema: z.ZodMiniType<T>) => z.catch(z.optional(z.nullable(schema)), undefined);

/** A number between 0 and this. */
const upTo = (most: number) => z.number().check(z.gte(0), z.lte(most));

/** A line is for people; the rest of a longer one is left out. In characters. */
const LONGEST_LINE = 64 * 1024;

const Log = z.looseObject({
  message: z.pipe(
    z.string(),
    z.transform((text) => (text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE)}…` : text)),
  ),
  timestamp: optional(z.string()),
  level: optional(z.string()),
  source: optional(z.string()),
});
/** Asked without logs, fal leaves the list out or sends null. */
const Logs = optional(
  z.pipe(
    z.array(z.catch(z.nullable(Log), null)),
    z.transform((lines) => lines.filter((line) => line !== null)),
  ),
);
/** As much as servers take of an address. */
const Link = z.catch(z.optional(z.string().check(z.maxLength(8_000))), undefined);
const links = { response_url: Link, status_url: Link, cancel_url: Link };
const Position = optional(upTo(1e9));
/** Seconds; no request runs for a year. */
const Metrics = optional(z.looseObject({ inference_time: optional(upTo(365 * 24 * 60 * 60)) }));

const Submitted = z.looseObject({
  request_id: z.string().check(z.regex(REQUEST_ID)),
  queue_position: Position,
  ...links,
});
export type Submitted = z.infer<typeof Submitted>;

const Status = z.discriminatedUnion("status", [
  z.looseObject({
    status: z.literal("IN_QUEUE"),
    queue_position: Position,
    logs: Logs,
    ...links,
  }),
  z.looseObject({ status: z.literal("IN_PROGRESS"), logs: Logs, ...links }),
  z.looseObject({
    status: z.literal("COMPLETED"),
    logs: Logs,
    metrics: Metrics,
    error: z.optional(z.nullable(z.unknown())),
    error_type: optional(z.string()),
    ...links,
  }),
]);
export type WireStatus = z.infer<typeof Status>;
export type WireLog = z.infer<typeof Log>;

const Cancelled = z.looseObject({ status: z.optional(z.string()) });

export const readSubmitted = (reply: WireReply): Submitted => read(Submitted, parseJson(reply.text));
export const readStatus = (text: string): WireStatus => {
  const value = parseJson(text);
  const status =
    typeof value === "object" && value !== null ? (value as { status?: unknown }).status : undefined;
  if (typeof status === "string" && !["IN_QUEUE", "IN_PROGRESS", "COMPLETED"].includes(status)) {
    // Only what looks like a status is quoted: anything else may be what fal was sent.
    throw new Error(`it names an unknown status${/^[A-Z_]{1,40}$/.test(status) ? `, ${status}` : ""}`);
  }
  return read(Status, value);
};
export const readCancelled = (text: string): string | undefined => {
  const parsed = z.safeParse(Cancelled, text === "" ? {} : parseJson(text));
  return parsed.success ? parsed.data.status : undefined;
};

/** Its own message: the runtime's quotes the text, which may hold a prompt. */
function parseJson(text: string): unknown {
  try {
    return parseForeign(text);
  } catch {
    throw new Error("it is not JSON");
  }
}

function read<T>(schema: z.ZodMiniType<T>, value: unknown): T {
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(
    `its field ${issue?.path.join(".") || "(root)"} is not what it should be: ${issue?.message}`,
  );
}

/** What a result's body is, by what its reply says of it. */
export interface ResultBody {
  /** JSON, a text or, of bytes, an ArrayBuffer. */
  readonly data: unknown;
  readonly isJson: boolean;
  /** Whether it is what nobody would send on purpose: said to be JSON, and not. */
  readonly isGarbled: boolean;
}

/**
 * JSON where it says so, text likewise, and an ArrayBuffer for `application/octet-stream`, as the official client has it. Of
 * any other type, or none, it is the first of JSON, text and bytes that it can be. Of JSON, what lies deeper than 500 levels
 * is its text.
 */
export function readBody(reply: WireReply): ResultBody {
  const { headers, bytes } = reply;
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "application/octet-stream") return { data: bytes, ...PLAIN };
  const { text } = reply;
  if (type.startsWith("text/") && type !== "text/json") return { data: text, ...PLAIN };
  const json = jsonIn(text);
  if (json) return { data: json.value, isJson: true, isGarbled: false };
  if (/[/+]json$/.test(type)) return { data: text, isJson: false, isGarbled: true };
  return { data: isText(bytes) ? text : bytes, ...PLAIN };
}

const PLAIN = { isJson: false, isGarbled: false };

function jsonIn(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseForeign(text) };
  } catch {
    return undefined;
  }
}

function isText(bytes: ArrayBuffer): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
