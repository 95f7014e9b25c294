import { type Clock, inTime } from "../base/clock.ts";
import { bytesOfHeaders, MOST_HEADER_BYTES } from "./headers.ts";
import type { Ending } from "./retries.ts";
import { type Runner, RunnerLost } from "./runner.ts";

/** How an attempt ended. `ending` of an answer is its status. */
export type AttemptEnd =
  | {
      readonly ending: Extract<Ending, number>;
      readonly headers: Headers;
      readonly body: Uint8Array<ArrayBuffer>;
    }
  | { readonly ending: Exclude<Ending, number>; readonly why: string };

export interface AttemptOptions {
  readonly clock: Clock;
  /** Until the answer has to be there, whole; in milliseconds. */
  readonly requestTimeoutMs: number;
  /**
   * What the gateway adds to the answer's headers counts as well.
   */
  readonly addedHeaderBytes: number;
  /** Takes the answer while it arrives, for a caller who waits for it. What it gives is kept as the body. */
  readonly passOn?: (answer: Response) => Promise<Uint8Array<ArrayBuffer>>;
}

/** Gives a request to a runner, once. Never rejects: whatever happens is an end. */
export async function attempt(
  runner: Runner,
  request: Request,
  options: AttemptOptions,
): Promise<AttemptEnd> {
  const { clock, requestTimeoutMs } = options;
  const late = new RunnerLost("timed-out", `The runner did not answer within ${requestTimeoutMs / 1000} s`);
  try {
    return await inTime(clock, requestTimeoutMs, late, (signal) =>
      exchange(runner, new Request(request, { signal }), options),
    );
  } catch (error) {
    const { ending, message } = asLost(error);
    return { ending, why: message };
  }
}

async function exchange(
  runner: Runner,
  request: Request,
  { addedHeaderBytes, passOn }: AttemptOptions,
): Promise<AttemptEnd> {
  const answer = await runner.fetch(request);
  const { status, headers } = answer;
  // A function may give what no server can: `Response.error()`.
  if (status === 0) throw new RunnerLost("disconnected", "The runner gave a network error");
  if (bytesOfHeaders(headers) + addedHeaderBytes > MOST_HEADER_BYTES) {
    await answer.body?.cancel();
    throw new RunnerLost("headers-too-long", "The answer's headers are longer than 16 KB together");
  }
  const body = await (passOn ? passOn(answer) : bytesOf(answer));
  return { ending: status, headers, body };
}

async function bytesOf(answer: Response): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await answer.arrayBuffer());
  } catch (cause) {
    throw new RunnerLost("incomplete", "The runner's answer broke off", { cause });
  }
}

const asLost = (error: unknown): RunnerLost =>
  error instanceof RunnerLost
    ? error
    : new RunnerLost("disconnected", error instanceof Error ? error.message : String(error));
