import { bytesOf, piecesOf, TooManyBytes } from "../base/bounded-body.ts";
import type { Clock } from "../base/clock.ts";
import { abortable, linkedController, OVER } from "../base/signal.ts";
import { uncached } from "../base/transport.ts";
import type { FalKey } from "../index.ts";
import { headersOf, isOfAccount } from "./answers.ts";
import { concealing } from "./conceal.ts";
import { refusal } from "./refusal.ts";

export interface Limits {
  readonly clock: Clock;
  readonly timeout: number;
  readonly streamTimeout: number;
  readonly maxReplyBytes: number;
}

export interface Upstream {
  readonly url: string;
  readonly key: FalKey;
  readonly fetch: typeof globalThis.fetch;
  /** What of the page's headers goes along. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An error page of more than this is nobody's. */
const MAX_ERROR_BYTES = 2 ** 20;

/**
 * Asks fal what costs nothing, once, and gives its answer as it comes. Whoever asked and leaves ends it there too. The key is
 * in none of it, and no redirect is followed.
 */
export async function passOn(request: Request, to: Upstream, limits: Limits): Promise<Response> {
  const { clock, timeout, streamTimeout } = limits;
  const { controller, unlink } = linkedController(request.signal);
  const { signal } = controller;
  const over = () => {
    unlink();
    controller.abort(OVER);
  };
  const timer = new AbortController();
  giveUp(clock, timeout, timer.signal, controller);
  try {
    const reply = await abortable(to.fetch(to.url, settingsOf(request, to, signal)), signal);
    timer.abort(OVER);
    if (reply.type === "opaqueredirect" || (reply.status >= 300 && reply.status < 400)) {
      reply.body?.cancel().catch(() => {});
      throw refusal(502, "fal answered with a redirect, which is not followed.");
    }
    giveUp(clock, streamTimeout, signal, controller);
    return await answerWith(reply, to.key, { signal, over, most: limits.maxReplyBytes });
  } catch (error) {
    timer.abort(OVER);
    over();
    throw error instanceof Late ? refusal(504, error.message) : error;
  }
}

class Late extends Error {
  override readonly name = "TimeoutError";
}

function giveUp(clock: Clock, ms: number, until: AbortSignal, what: AbortController): void {
  clock.sleep(ms, until).then(
    () => what.abort(new Late(`fal gave no answer within ${ms} ms.`)),
    () => {},
  );
}

function settingsOf(request: Request, { key, headers, body }: Upstream, signal: AbortSignal): RequestInit {
  const own = {
    accept: request.headers.get("accept") ?? "application/json",
    authorization: key.header(),
    ...(body !== undefined && { "content-type": "application/json" }),
  };
  return {
    method: request.method,
    headers: { ...headers, ...own },
    redirect: "manual",
    signal,
    ...(body !== undefined && { body }),
    ...uncached(),
  };
}

interface Passing {
  readonly signal: AbortSignal;
  readonly over: () => void;
  readonly most: number;
}

async function answerWith(reply: Response, key: FalKey, { signal, over, most }: Passing): Promise<Response> {
  const { status } = reply;
  const headers = headersOf(reply.headers, (value) => key.hideIn(value).replaceAll("…", "..."));
  const within = <T>(next: () => Promise<T>) => abortable(next(), signal);
  if (!reply.body) {
    over();
    return new Response(null, { status, headers });
  }
  if (status >= 400) {
    // Short, and the likeliest to quote what it was sent, in whichever form.
    const bytes = await bytesOf(reply, { mostBytes: MAX_ERROR_BYTES, within }).finally(over);
    const body = new TextDecoder().decode(bytes);
    if (isOfAccount({ status, body }))
      throw new Error(`fal answered with ${status}: ${key.hideIn(body).slice(0, 200)}`);
    return new Response(key.hideIn(body), { status, headers });
  }
  if (Number(reply.headers.get("content-length") ?? 0) > most) {
    over();
    reply.body.cancel().catch(() => {});
    throw refusal(502, new TooManyBytes(most).message.replace("it", "The answer"));
  }
  const secret = key.header().slice(key.header().indexOf(":") + 1);
  const body = streamOf(piecesOf(reply, { mostBytes: most, within }), over).pipeThrough(concealing(secret));
  return new Response(body, { status, headers });
}

/** A stream of what a generator gives, which ends it when nobody reads on. */
function streamOf(pieces: AsyncGenerator<Uint8Array<ArrayBuffer>>, over: () => void) {
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next();
        if (!done) return controller.enqueue(value);
        over();
        controller.close();
      } catch (error) {
        over();
        controller.error(error);
      }
    },
    async cancel() {
      // First, so that a read that waits for its next piece ends.
      over();
      await pieces.return(undefined);
    },
  });
}
