import { jsonText } from "./answers.ts";
import { CANCELLED, type Failure, LET_GO } from "./failure.ts";

/** How often a stream that has nothing to say shows that it is alive, as fal's own do. */
const PING_MS = 15_000;

export interface EventStreamOptions {
  /** What an event is made of what the generator gave. */
  readonly shape: (value: unknown) => Promise<unknown>;
  /** What its reader is told of what broke it. */
  readonly failed: (error: unknown) => Failure;
  readonly left: (reason: unknown) => void;
  /** Breaks the connection. @default the stream itself breaks */
  readonly cut: (() => void) | undefined;
  readonly ended: () => void;
}

/**
 * The events of a generator as `data:` lines of JSON; what it returns is the last one. They are asked for as they are read. A
 * failure is an event of type `error`, after which the stream breaks, so that nobody takes what came for the whole.
 *
 * @param first What the generator has given already.
 */
export function eventStream(
  first: IteratorResult<unknown>,
  generator: AsyncGenerator,
  { shape, failed, left, ended, cut }: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next: IteratorResult<unknown> | undefined = first;
  let broken: { readonly by: unknown } | undefined;
  let isRead = false;
  let ping: ReturnType<typeof setInterval> | undefined;
  const end = () => {
    clearInterval(ping);
    ended();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        ping = setInterval(() => {
          if (isRead) controller.enqueue(encoder.encode(": ping\n\n"));
        }, PING_MS);
        ping.unref?.();
      },
      async pull(controller) {
        if (broken) {
          end();
          if (!cut) return controller.error(broken.by);
          cut();
          return controller.close();
        }
        const say = (text: string) => controller.enqueue(encoder.encode(text));
        isRead = true;
        try {
          const { done, value } = next ?? (await generator.next());
          next = undefined;
          if (!done || value !== undefined) say(`data: ${jsonText(await shape(value))}\n\n`);
          if (!done) return;
          end();
          controller.close();
        } catch (error) {
          const failure = failed(error);
          const { status, detail } = failure;
          say(`event: error\ndata: ${JSON.stringify({ status, detail })}\n\n`);
          // Where it is not the generator that has failed, it still waits within the run, which would never end.
          await endWith(generator, error);
          if (failure !== CANCELLED && failure !== LET_GO) {
            broken = { by: error };
            return;
          }
          end();
          controller.close();
        } finally {
          isRead = false;
        }
      },
      async cancel(reason) {
        end();
        left(reason);
        await generator.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Ends a generator with what broke its stream; of one that has ended nothing is left. */
async function endWith(generator: AsyncGenerator, error: unknown): Promise<void> {
  try {
    const { done } = await generator.throw(error);
    if (!done) await generator.return(undefined);
  } catch {
    // It is the error that is told already, or one of the clearing up after it.
  }
}
