import type { Clock } from "../base/clock.ts";
import { whenAborted } from "../base/signal.ts";
import type { Job } from "./job.ts";
import type { Machine } from "./machine.ts";
import { statusBody } from "./status.ts";

const PING_EVERY_MS = 15_000;
/** Why the timer stops; nobody sees it. */
const OVER = "over";

export interface StatusStreamOptions {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly queueBase: string;
  readonly logs: boolean;
  /** Ends the stream when the emulator closes. */
  readonly closing: AbortSignal;
}

/**
 * The status as server-sent events: one at once, one whenever something changed, the last when it is completed.
 * Log lines come once each. A reader that leaves takes the timer and the watcher with it.
 */
export function statusStream(job: Job, options: StatusStreamOptions): ReadableStream<Uint8Array> {
  const { machine, clock, queueBase, closing } = options;
  const encoder = new TextEncoder();
  const over = new AbortController();
  let sentLogs = 0;
  let lastSent = "";

  return new ReadableStream<Uint8Array>({
    start(controller) {
      const write = (text: string) => controller.enqueue(encoder.encode(text));

      const end = () => {
        if (over.signal.aborted) return;
        over.abort(OVER);
        controller.close();
      };

      const tell = () => {
        const position = job.state === "IN_QUEUE" ? machine.queuePosition(job) : "";
        const now = `${job.state} ${position} ${options.logs ? job.logs.length : ""}`;
        if (now === lastSent) return;
        lastSent = now;
        const body = statusBody(job, machine, queueBase, options.logs ? sentLogs : undefined);
        // A queued status carries no logs, so none were sent.
        if (job.state !== "IN_QUEUE") sentLogs = job.logs.length;
        write(`data: ${JSON.stringify(body)}\n\n`);
        if (job.state === "COMPLETED") end();
      };

      const keepAlive = async () => {
        while (!over.signal.aborted) {
          await clock.sleep(PING_EVERY_MS, over.signal);
          write(": ping\n\n");
        }
      };

      job.watchers.add(tell);
      over.signal.addEventListener("abort", () => job.watchers.delete(tell), { once: true });

      tell();
      whenAborted(closing, over.signal, end);
      keepAlive().catch(() => {}); // the sleep ends with the stream
    },
    cancel() {
      over.abort(OVER);
    },
  });
}
