import type { Report } from "../base/report.ts";
import { responseOf, type WireReply } from "../base/transport.ts";

/** Told of an answer of fal's. */
export type ResponseHandler<Output> = (response: Response) => Promise<Output>;

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
  const tell = async (reply: WireReply) => {
    await handler(responseOf(reply));
  };
  return (reply) => {
    tell(reply).catch((error: unknown) => {
      // The official handlers throw for what is not ok, which the call itself says.
      if (reply.status < 400) report("responseHandler failed", error);
    });
  };
}
