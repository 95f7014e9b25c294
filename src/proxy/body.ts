import { bytesOf, TooManyBytes } from "../base/bounded-body.ts";
import { type Clock, inTime } from "../base/clock.ts";
import { abortable } from "../base/signal.ts";
import { refusal } from "./refusal.ts";

export interface BodyLimits {
  readonly mostBytes: number;
  /** Milliseconds. */
  readonly timeout: number;
  readonly clock: Clock;
}

/** What a page sends, as far as it is meant to be that long. @throws {Refusal} */
export async function bodyOf(request: Request, { mostBytes, timeout, clock }: BodyLimits): Promise<string> {
  const late = refusal(408, `The request did not come within ${timeout} ms.`);
  try {
    const bytes = await inTime(clock, timeout, late, (signal) =>
      bytesOf(request, { mostBytes, within: (next) => abortable(next(), signal) }),
    );
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (!(error instanceof TooManyBytes)) throw error;
    throw refusal(413, `The request may have ${mostBytes} bytes: files are uploaded, and their URLs sent.`);
  }
}
