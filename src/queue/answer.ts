import { responseOf, type WireReply } from "../base/transport.ts";
import { billableUnits } from "../money/cost.ts";
import { readBody } from "./wire.ts";

/** What a completed request gave. */
export interface Answer {
  /** JSON, a text or, of bytes, an ArrayBuffer. */
  readonly data: unknown;
  /** In the model's priced unit; undefined where fal did not say. */
  readonly units: number | undefined;
  /** The reply as it came, body and all. Of all but bytes it is made when somebody asks for it. */
  readonly response: Response;
}

/** How far a reply can be taken for what the model gave: `garbled` is JSON that is none, `strangers` may be a proxy's page. */
export type Credence = "sure" | "garbled" | "strangers";

export function answerOf(reply: WireReply): { readonly answer: Answer; readonly credence: Credence } {
  const { headers } = reply;
  const { data, isJson, isGarbled } = readBody(reply);
  // Bytes are the caller's, who may do with them what he likes.
  let response = data instanceof ArrayBuffer ? responseOf(reply) : undefined;
  const answer = {
    data,
    units: billableUnits(headers),
    get response() {
      response ??= responseOf(reply);
      return response;
    },
  };
  if (isJson) return { answer, credence: "sure" };
  if (isGarbled) return { answer, credence: "garbled" };
  return { answer, credence: mayBeAStrangers(headers, data) ? "strangers" : "sure" };
}

/** Without any of fal's headers a web page may be a proxy's, or a captive portal's, and half a JSON text a proxy's too. */
const mayBeAStrangers = (headers: Headers, data: unknown): boolean =>
  typeof data === "string" &&
  (/^text\/html\b/i.test(headers.get("content-type") ?? "") || /^\s*[[{]/.test(data)) &&
  ![...headers.keys()].some((name) => name.startsWith("x-fal-"));
