import { OVER } from "../base/signal.ts";
import type { HostedApp } from "../gateway/app.ts";
import type { AttemptOptions } from "../gateway/attempt.ts";
import { RunnerLost } from "../gateway/runner.ts";
import { toldHeaders } from "./app-outcomes.ts";
import { brokenBody } from "./connection.ts";
import type { Job } from "./job.ts";

/** Of a stream that goes to its caller, this much is kept for the request's record. */
const MOST_KEPT_BYTES = 2 ** 20;

/** What `toldHeaders` adds to an answer, at most. */
export const ADDED_HEADER_BYTES = 200;

/** Hands a runner's answer to the caller who waits for it, as it comes; gives what is kept of it once it has ended. */
export const passOn =
  (job: Job, app: HostedApp, jobId: string): NonNullable<AttemptOptions["passOn"]> =>
  async (answer) => {
    const { status } = answer;
    const headers = toldHeaders(answer, { requestId: job.requestId, jobId, app });
    if (!answer.body) {
      job.direct?.over.abort(OVER);
      job.direct?.respond(new Response(null, { status, headers }));
      return new Uint8Array();
    }
    const { body, whole } = copying(answer.body, () => job.direct?.over.abort(OVER));
    job.direct?.respond(new Response(body, { status, headers }));
    return whole;
  };

/** The same bytes at the pace of who reads them, and a copy of the first of them. A reader that leaves ends both. */
function copying(source: ReadableStream<Uint8Array>, over: () => void) {
  const reader = source.getReader();
  const kept: Uint8Array[] = [];
  let bytes = 0;
  const { promise: whole, resolve, reject } = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  const end = () => resolve(new Uint8Array(Buffer.concat(kept)));
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            over();
            end();
            controller.close();
            return;
          }
          if (bytes < MOST_KEPT_BYTES) kept.push(value.slice(0, MOST_KEPT_BYTES - bytes));
          bytes += value.length;
          controller.enqueue(value);
        } catch (cause) {
          controller.error(brokenBody());
          reject(new RunnerLost("incomplete", "The runner's answer broke off", { cause }));
        }
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason).catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
  return { body, whole };
}
