import { brokenBody } from "../connection.ts";

/**
 * Bodies that go wrong. They give a piece only when one is asked for: whoever breaks off then has handed over all that
 * came before, since an error throws away what waits in a stream.
 */

type Body = ReadableStream<Uint8Array>;

const ON_DEMAND = { highWaterMark: 0 };

/** The whole body, in pieces of some bytes: cut anywhere, through characters too. */
export function inPieces(body: Body, bytes: number, before?: () => Promise<void>): Body {
  const reader = body.getReader();
  let rest = new Uint8Array();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (rest.length === 0) {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          rest = new Uint8Array(value);
        }
        await before?.();
        controller.enqueue(rest.slice(0, bytes));
        rest = rest.slice(bytes);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    ON_DEMAND,
  );
}

/** These bytes, and then the connection breaks. */
export function cutShort(part: Uint8Array): Body {
  let given = part.length === 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (given) return controller.error(brokenBody());
        given = true;
        controller.enqueue(part);
      },
    },
    ON_DEMAND,
  );
}

interface Limit {
  readonly afterEvents?: number;
  readonly afterBytes?: number;
}

/** A stream of events whose connection breaks, or which just ends, after some of them. */
export const breakingAfter = (body: Body, limit: Limit, how: "breaks" | "ends"): Body =>
  upTo(body, limit, (controller) => (how === "ends" ? controller.close() : controller.error(brokenBody())));

/** A stream of events that says nothing more after some of them, until it is `over`. */
export const stalling = (body: Body, limit: Limit, over: AbortSignal): Body =>
  upTo(body, limit, async (controller) => {
    await new Promise<void>((resolve) => {
      if (over.aborted) return resolve();
      over.addEventListener("abort", () => resolve(), { once: true });
    });
    controller.close();
  });

/** Hands over what is within the limit; then the source is left alone, and something else happens. */
function upTo(
  body: Body,
  { afterBytes, afterEvents = afterBytes === undefined ? 1 : Number.POSITIVE_INFINITY }: Limit,
  then: (controller: ReadableStreamDefaultController<Uint8Array>) => void | Promise<void>,
): Body {
  const reader = body.getReader();
  let events = afterEvents;
  let bytes = afterBytes ?? Number.POSITIVE_INFINITY;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (events > 0 && bytes > 0) {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          if (isEvent(value)) events -= 1;
          controller.enqueue(value.slice(0, bytes));
          bytes -= value.length;
          return;
        }
        await reader.cancel();
        await then(controller);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    ON_DEMAND,
  );
}

/** The emulator writes an event, or a ping, as one chunk. */
export const isEvent = (chunk: Uint8Array): boolean => new TextDecoder().decode(chunk).startsWith("data:");
