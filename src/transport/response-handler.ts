import type { Report } from "../base/report.ts";
import { type WireReply, withoutEncoding } from "../base/transport.ts";

/** Told of an answer of fal's. */
export type ResponseHandler<Output> = (response: Response) => Promise<Output>;

/** Bodies that these answers must not have. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * Hands each answer on as a copy. What a handler makes of it changes nothing: an answer may be worth money, and is read here.
 * Undefined where there is none, so that no copy is made.
 */
export function tellOf({
  responseHandler: handler,
  report,
}: {
  readonly responseHandler?: ResponseHandler<unknown> | undefined;
  readonly report: Report;
}): ((reply: WireReply) => void) | undefined {
  if (!handler) return undefined;
  const tell = async ({ status, headers, bytes }: WireReply) => {
    const body = BODILESS.has(status) ? null : bytes;
    await handler(new Response(body, { status, headers: withoutEncoding(headers) }));
  };
  return (reply) => {
    tell(reply).catch((error: unknown) => {
      // The official handlers throw for what is not ok, which the call itself says.
      if (reply.status < 400) report("responseHandler failed", error);
    });
  };
}
