import type { RunScope } from "./run-scope.ts";

/** An answer that goes on after it was given: the same one, and when that is over. */
export interface GoingOn<R> {
  readonly answer: R;
  /** Rejects with what broke it. */
  readonly ended: Promise<void>;
  /** Settles, with the reason, when whoever reads it has left before its end. */
  readonly left: Promise<unknown>;
}

/**
 * Follows a streamed answer to its end: a Response with a body that is not there yet, a stream, or a generator. What they
 * do when they are read they do within the run.
 *
 * @returns undefined for what is no stream.
 */
export function goingOn<R>(given: R, run: RunScope): Promise<Followed<R>> | undefined {
  const followed = isResponse(given)
    ? followResponse(given, run)
    : given instanceof ReadableStream
      ? followStream(given, run)
      : isGenerator(given)
        ? followGenerator(given, run)
        : undefined;
  return followed as Promise<Followed<R>> | undefined;
}

/** One that was there as a whole has no end of its own. */
type Followed<R> = GoingOn<R> | { readonly answer: R };

async function followResponse(given: Response, run: RunScope): Promise<Followed<Response>> {
  if (!given.body || given.body.locked) return { answer: given };
  const followed = await followStream(given.body, run);
  return { ...followed, answer: new Response(followed.answer, given) };
}

/** Other libraries have Responses of their own, and a runtime's own is what a copy can be made of. */
const isResponse = (value: unknown): value is Response => value instanceof Response;

const isGenerator = (value: unknown): value is AsyncGenerator =>
  Object.prototype.toString.call(value) === "[object AsyncGenerator]";

type Read = ReadableStreamReadResult<unknown>;

function ending() {
  const [ended, left] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()];
  // Whoever reads is told of a failure by the stream.
  ended.promise.catch(() => {});
  return { ended, left };
}

async function followStream(stream: ReadableStream, run: RunScope): Promise<Followed<ReadableStream>> {
  if (stream.locked) return { answer: stream };
  const reader = stream.getReader();
  const read = run.bind((): Promise<Read> => reader.read());
  const { ended, left } = ending();
  const begun: Promise<Read>[] = [read()];
  // What is there at once, such as JSON, ends with its first or second part, whether or not anybody reads it.
  let isWhole = await isEnd(begun[0]);
  if (isWhole === false) {
    begun.push(read());
    isWhole = await isEnd(begun[1]);
  }
  const pull = async (controller: ReadableStreamDefaultController) => {
    try {
      const { done, value } = await (begun.shift() ?? read());
      if (!done) return controller.enqueue(value);
      controller.close();
      ended.resolve();
    } catch (error) {
      controller.error(error);
      ended.reject(error);
    }
  };
  const cancel = (reason: unknown) => {
    left.resolve(reason);
    return reader.cancel(reason);
  };
  const answer = new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
  return isWhole === true ? { answer } : { answer, ended: ended.promise, left: left.promise };
}

/** Whether this part is the end; undefined where it is not there yet, or will never be. */
async function isEnd(part: Promise<Read> | undefined): Promise<boolean | undefined> {
  const later = new Promise<undefined>((resolve) => setTimeout(resolve, 0));
  const known = part?.then(
    ({ done }) => done,
    () => undefined,
  );
  return Promise.race([known, later]);
}

async function followGenerator(generator: AsyncGenerator, run: RunScope): Promise<GoingOn<AsyncGenerator>> {
  const { ended, left } = ending();
  const stepped = (step: () => Promise<IteratorResult<unknown>>) => async () => {
    try {
      const result = await step();
      if (result.done) ended.resolve();
      return result;
    } catch (error) {
      ended.reject(error);
      throw error;
    }
  };
  const answer: AsyncGenerator = {
    next: (...args) => stepped(run.bind(() => generator.next(...args)))(),
    return(value) {
      left.resolve("the caller has left");
      return generator.return(value);
    },
    throw: (error) => stepped(run.bind(() => generator.throw(error)))(),
    [Symbol.asyncIterator]: () => answer,
    [Symbol.asyncDispose]: async () => void (await answer.return(undefined)),
  };
  return { answer, ended: ended.promise, left: left.promise };
}
