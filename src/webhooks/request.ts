import { WebhookError } from "../errors/webhooks.ts";
import { HEADERS, type SignedFacts } from "./signed.ts";

/** Web-standard headers, or those of Node's `IncomingMessage`. */
export type HeadersLike = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** @throws {WebhookError} naming the header that is missing or strange. */
export function readHeaders(headers: HeadersLike): SignedFacts & { signature: Uint8Array<ArrayBuffer> } {
  const get = getter(headers);
  const read = (name: string, form: RegExp): string => {
    const value = get(name);
    if (value === undefined || value === "") {
      throw new WebhookError(
        "missing_header",
        `The webhook has no header ${name}. It is not from fal, or something on the way took it off.`,
      );
    }
    if (!form.test(value)) {
      throw new WebhookError(
        "malformed_header",
        `The webhook's header ${name} is not of the form that fal sends.`,
      );
    }
    return value;
  };
  return {
    requestId: read(HEADERS.requestId, /^[^\r\n]+$/),
    userId: read(HEADERS.userId, /^[^\r\n]+$/),
    timestamp: read(HEADERS.timestamp, /^\d{1,15}$/),
    signature: fromHex(read(HEADERS.signature, /^[0-9a-f]{128}$/i)),
  };
}

/** One value for a name in any case; of a header that came twice, none. */
function getter(headers: HeadersLike): (name: string) => string | undefined {
  if (headers instanceof Headers) return (name) => headers.get(name) ?? undefined;
  const lower = new Map(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => {
    const value = lower.get(name);
    return typeof value === "string" ? value : value?.length === 1 ? value[0] : undefined;
  };
}

/** @throws {WebhookError} where the bytes are gone: a signature cannot be checked against anything else. */
export async function readBody(
  request: Request | { readonly rawBody?: unknown },
): Promise<Uint8Array<ArrayBuffer>> {
  if (request instanceof Request) {
    if (request.bodyUsed)
      throw notRaw("The body of this Request has been read already; give receiveWebhook a clone.");
    return new Uint8Array(await request.arrayBuffer());
  }
  const { rawBody } = request;
  if (typeof rawBody === "string") return new TextEncoder().encode(rawBody);
  if (rawBody instanceof ArrayBuffer) return new Uint8Array(rawBody);
  if (rawBody instanceof Uint8Array) return new Uint8Array(rawBody);
  throw notRaw(
    rawBody === undefined
      ? "There is no rawBody. Give { headers, rawBody } with the bytes as they came over the wire."
      : "rawBody is not bytes or text: it has been parsed.",
  );
}

const notRaw = (problem: string) =>
  new WebhookError(
    "body_not_raw",
    `${problem} The signature is over the raw bytes, which JSON that was parsed and written again is not. With Express, ` +
      'use express.raw({ type: "application/json" }) on this route, and give { headers: req.headers, rawBody: req.body }.',
  );

const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
