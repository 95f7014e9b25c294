import { parseForeign } from "../base/json.ts";
import { ApiError } from "../errors/api.ts";

type Msgpack = typeof import("@msgpack/msgpack");

let loaded: Msgpack | undefined;

/** Only who connects loads it. */
export const loadMsgpack = async (): Promise<Msgpack> => {
  loaded ??= await import("@msgpack/msgpack");
  return loaded;
};

/** A frame, or what one is made of once there is what makes it. */
export type Outgoing = Uint8Array | string | { readonly input: unknown };

/** What is sent is what the input is now: its owner may change it afterwards. */
export function outgoing(
  input: unknown,
  encode: ((input: unknown) => Uint8Array | string) | undefined,
): Outgoing {
  if (encode) return encode(input);
  if (input instanceof Uint8Array) return input;
  return loaded ? loaded.encode(input) : { input: structuredClone(input) };
}

export const frameOf = ({ encode }: Msgpack, what: Outgoing): Uint8Array | string =>
  typeof what === "string" || what instanceof Uint8Array ? what : encode(what.input);

/** JSON of a text, msgpack of bytes. */
export async function decoded(data: unknown): Promise<unknown> {
  if (typeof data === "string") return parseForeign(data);
  const { decode } = await loadMsgpack();
  if (data instanceof Blob) return decode(await data.arrayBuffer());
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? decode(data as ArrayBuffer) : data;
}

/** Whether a frame has more bytes than these. Of what nobody knows the size of, nothing is said. */
export function isLarger(data: unknown, maxBytes: number): boolean {
  // No character is more than three bytes for each of its units.
  if (typeof data === "string") {
    return data.length * 3 > maxBytes && new TextEncoder().encode(data).length > maxBytes;
  }
  if (data instanceof Blob) return data.size > maxBytes;
  return (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) && data.byteLength > maxBytes;
}

export type Message =
  | { readonly kind: "result"; readonly result: unknown }
  | { readonly kind: "error" | "unauthorized"; readonly error: ApiError }
  /** How long it took, or that no input came for a while: neither a result nor an error. */
  | { readonly kind: "aside" };

/** What a message says. Source: fal's SDK for apps, and the official clients. */
export function messageOf(message: unknown, endpoint: string): Message {
  const { type, status, error, reason } = (message ?? {}) as Readonly<Record<string, unknown>>;
  const say = (code: number, text: string) =>
    new ApiError({ status: code, body: message, message: text, endpoint, billed: "unknown" });
  if (status === "error" && error === "Unauthorized") {
    return { kind: "unauthorized", error: say(401, "Unauthorized: the token is not, or no longer, good.") };
  }
  if (type === "x-fal-error") {
    if (error === "TIMEOUT") return { kind: "aside" };
    return { kind: "error", error: say(400, `${String(error)}: ${String(reason)}`) };
  }
  if (type === "x-fal-message") return { kind: "aside" };
  if (status === "error")
    return { kind: "error", error: say(400, String(error ?? "The app reports an error.")) };
  return { kind: "result", result: message };
}
