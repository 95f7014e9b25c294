import * as z from "zod/mini";
import type { WireReply } from "../base/transport.ts";

/** fal's wire, parsed at the door: unknown fields pass, unknown states are named. Source: https://fal.ai/docs/api-reference/inference-api */

const Log = z.looseObject({
  message: z.string(),
  timestamp: z.optional(z.string()),
  level: z.optional(z.nullable(z.string())),
  source: z.optional(z.nullable(z.string())),
});
/** Asked without logs, fal leaves the list out or sends null. */
const Logs = z.optional(z.nullable(z.array(Log)));
const links = {
  response_url: z.optional(z.string()),
  status_url: z.optional(z.string()),
  cancel_url: z.optional(z.string()),
};

const Submitted = z.looseObject({
  // It becomes part of addresses.
  request_id: z.string().check(z.regex(/^(?!\.+$)[\w.~-]+$/)),
  queue_position: z.optional(z.nullable(z.number())),
  ...links,
});
export type Submitted = z.infer<typeof Submitted>;

const Status = z.discriminatedUnion("status", [
  z.looseObject({
    status: z.literal("IN_QUEUE"),
    queue_position: z.optional(z.nullable(z.number())),
    logs: Logs,
    ...links,
  }),
  z.looseObject({ status: z.literal("IN_PROGRESS"), logs: Logs, ...links }),
  z.looseObject({
    status: z.literal("COMPLETED"),
    logs: Logs,
    metrics: z.optional(z.nullable(z.looseObject({ inference_time: z.optional(z.nullable(z.number())) }))),
    error: z.optional(z.nullable(z.unknown())),
    error_type: z.optional(z.nullable(z.string())),
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
    return JSON.parse(text);
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
