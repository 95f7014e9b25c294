import type { Clock } from "fal-chain";

/** Stands between client and server: forwards, answers by itself, or throws what a broken network throws. */
export type Wire = (request: Request, forward: () => Promise<Response>) => Response | Promise<Response>;

export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly kind: Kind;
  readonly authorization: string | null;
  readonly at: number;
}

export type Kind = "submit" | "status" | "stream" | "result" | "cancel" | "other";

export function kindOf({ method, url }: { method: string; url: string }): Kind {
  const { pathname } = new URL(url);
  if (pathname.includes("/v1/models/")) return "other";
  if (pathname.endsWith("/status/stream")) return "stream";
  if (pathname.endsWith("/status")) return "status";
  if (pathname.endsWith("/cancel")) return "cancel";
  if (/\/requests\/[^/]+$/.test(pathname)) return "result";
  return method === "POST" ? "submit" : "other";
}

/** A fetch as real ones are: it heeds the signal, before the headers and within the body. */
export function wireFetch(
  server: (request: Request) => Promise<Response>,
  { wire, sent = [], clock }: { wire?: Wire | undefined; sent?: Sent[]; clock: Clock },
): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { method, url, headers, signal } = request;
    sent.push({
      method,
      url,
      kind: kindOf(request),
      authorization: headers.get("authorization"),
      at: clock.now(),
    });
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    aborted.catch(() => {});
    const forward = () => server(request);
    const response = await Promise.race([wire ? wire(request, forward) : forward(), aborted]);
    return response.body ? new Response(heeding(signal, response.body), response) : response;
  };
}

const heeding = (signal: AbortSignal, body: ReadableStream<Uint8Array>) =>
  body.pipeThrough(new TransformStream(), { signal });

/** Answers one kind of request otherwise, the first `times` times. */
export function instead(kind: Kind, answer: (request: Request) => Response | Error, times = Infinity): Wire {
  let left = times;
  return (request, forward) => {
    if (kindOf(request) !== kind || left-- <= 0) return forward();
    const reply = answer(request);
    if (reply instanceof Error) throw reply;
    return reply;
  };
}

/** Lets the server act, and then loses its answer. */
export function losing(kind: Kind, times = Infinity): Wire {
  let left = times;
  return async (request, forward) => {
    const reply = await forward();
    if (kindOf(request) !== kind || left-- <= 0) return reply;
    await reply.body?.cancel();
    throw networkError("ECONNRESET");
  };
}

/** The error of Node's fetch: what happened is in its cause. */
export const networkError = (code: string): Error =>
  new TypeError("fetch failed", { cause: Object.assign(new Error(code.toLowerCase()), { code }) });

export const json = (body: unknown, init?: ResponseInit): Response => Response.json(body, init);

/** How a stream of events goes wrong after some of its chunks. */
export type Fault = "ends" | "breaks" | "stalls" | "babbles";

/** Gives each status stream only its first `chunks` chunks, then the fault. */
export function faultyStreams(fault: Fault, chunks: number, times = Infinity): Wire {
  let left = times;
  return async (request, forward) => {
    const reply = await forward();
    if (kindOf(request) !== "stream" || !reply.body || left-- <= 0) return reply;
    const reader = reply.body.getReader();
    let passed = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = passed++ < chunks ? await reader.read() : { done: false, value: undefined };
        if (done) return controller.close();
        if (value) return controller.enqueue(value);
        if (fault === "stalls") return new Promise(() => {});
        await reader.cancel();
        if (fault === "ends") return controller.close();
        if (fault === "breaks") return controller.error(networkError("ECONNRESET"));
        controller.enqueue(new TextEncoder().encode("data: {not json\n\n"));
      },
      cancel: () => reader.cancel(),
    });
    return new Response(body, reply);
  };
}
