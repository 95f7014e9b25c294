import { decode, encode } from "@msgpack/msgpack";
import { OVER, whenAborted } from "../base/signal.ts";
import type { Address } from "./address.ts";
import { callerFor } from "./credentials.ts";
import type { Job } from "./job.ts";
import type { Platform } from "./platform.ts";
import { plainError } from "./replies.ts";
import { orderFrom } from "./routes/order.ts";

/** The client's end of a realtime connection. */
export interface RealtimePeer {
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
}

/** The emulator's end. */
export interface RealtimeEnd {
  receive(data: string | Uint8Array): void;
  /** The client has gone. */
  left(): void;
}

export type AcceptRealtime = (peer: RealtimePeer) => RealtimeEnd;

/** Without an input for so long, the app closes. How long real ones wait is not established. */
const IDLE_MS = 60_000;
/** What apps usually hold of inputs that come faster than they work. */
const BUFFERED = 2;

/** Answers who asks for a realtime connection: what refuses it, or what takes it. */
export function answerRealtime(
  request: Request,
  address: Address,
  platform: Platform,
): Response | AcceptRealtime {
  const path = address.path.replace(/^\/run\//, "");
  const endpoint = platform.models.get(path)?.realtime ? path : path.replace(/\/realtime$/, "");
  if (endpoint === path || !platform.models.get(endpoint)?.realtime) {
    return plainError(404, `Path ${address.path} takes no realtime connections here`);
  }
  const caller = callerFor(endpoint, request.headers, address, platform);
  if (!caller.known) return plainError(401, caller.why);
  const buffered = Number(new URLSearchParams(address.search).get("max_buffering") ?? BUFFERED);
  return (peer) =>
    serve(peer, buffered, (input) => submit(request, address, endpoint, input, platform), platform);
}

interface Submitted {
  readonly job: Job;
  readonly output: Promise<unknown>;
}

/** One after the other: an input that comes while too many wait takes the place of the oldest. */
function serve(
  peer: RealtimePeer,
  buffered: number,
  start: (input: unknown) => Submitted | Response,
  { clock, machine, closing }: Platform,
): RealtimeEnd {
  const over = new AbortController();
  const inputs: unknown[] = [];
  let working: Job | undefined;
  let idle = new AbortController();
  const end = (code: number, reason: string) => {
    if (over.signal.aborted) return;
    over.abort(OVER);
    peer.close(code, reason);
  };
  const awaitInput = () => {
    idle.abort(OVER);
    idle = new AbortController();
    clock.sleep(IDLE_MS, AbortSignal.any([idle.signal, over.signal])).then(
      () => {
        peer.send(control("x-fal-error", { error: "TIMEOUT", reason: "no inputs, reconnect when needed!" }));
        end(1000, "");
      },
      () => {},
    );
  };
  const work = async () => {
    for (let input = inputs.shift(); input !== undefined; input = inputs.shift()) {
      const started = start(input);
      if (started instanceof Response) {
        const { detail } = (await started.json()) as { readonly detail: unknown };
        peer.send(control("x-fal-error", { error: "INTERNAL_ERROR", reason: String(detail) }));
        continue;
      }
      working = started.job;
      const answer = await answerOf(started, input);
      working = undefined;
      if (over.signal.aborted) return;
      for (const frame of answer) peer.send(frame);
    }
    awaitInput();
  };
  awaitInput();
  whenAborted(closing, over.signal, () => end(1001, "The emulator has been closed"));
  let isAtWork = false;
  return {
    receive(data) {
      if (over.signal.aborted) return;
      idle.abort(OVER);
      inputs.push(inputOf(data));
      inputs.splice(0, inputs.length - Math.max(1, buffered));
      if (isAtWork) return;
      isAtWork = true;
      work()
        .catch((error: unknown) => end(1011, String(error).slice(0, 100)))
        .finally(() => {
          isAtWork = false;
        });
    },
    left() {
      over.abort(OVER);
      if (working) machine.cancel(working, "client_disconnected");
    },
  };
}

const control = (type: string, facts: object): string => JSON.stringify({ type, ...facts });

function inputOf(data: string | Uint8Array): unknown {
  try {
    return typeof data === "string" ? JSON.parse(data) : decode(data);
  } catch {
    return "unreadable";
  }
}

function submit(
  request: Request,
  address: Address,
  endpoint: string,
  input: unknown,
  platform: Platform,
): Submitted | Response {
  // What the request's record can keep: bytes as a data URI, which models take for a file.
  const text = JSON.stringify(input, (_, value: unknown) =>
    value instanceof Uint8Array
      ? `data:application/octet-stream;base64,${Buffer.from(value).toString("base64")}`
      : value,
  );
  const body = new TextEncoder().encode(text);
  const order = orderFrom(request, { address, body }, endpoint, platform, { isDirect: true });
  if (order instanceof Response) return order;
  const { webhookUrl: _, ...direct } = order;
  const told = Promise.withResolvers<unknown>();
  const call = {
    ...{ method: "POST", search: address.search, body, over: new AbortController() },
    ...{ respond() {}, onEvent: told.resolve, isRealtime: true as const },
  };
  const job = platform.machine.submit(direct, call);
  const look = () => {
    if (job.state !== "COMPLETED") return;
    job.watchers.delete(look);
    told.resolve(undefined);
  };
  job.watchers.add(look);
  look();
  return { job, output: told.promise };
}

/** Its result and how long it took, or what it failed with. */
async function answerOf(
  { job, output }: Submitted,
  input: unknown,
): Promise<readonly (string | Uint8Array)[]> {
  const result = await output;
  await ended(job);
  const { failure } = job.outcome ?? {};
  if (failure) return [control("x-fal-error", { error: "INTERNAL_ERROR", reason: failure.error })];
  const { request_id } = (input ?? {}) as { readonly request_id?: unknown };
  const { startedAt = 0, completedAt = 0, requestId } = job;
  return [
    encode({ ...(result as object), request_id: request_id ?? requestId }),
    control("x-fal-message", { action: "timings", timing: (completedAt - startedAt) / 1000 }),
  ];
}

const ended = (job: Job): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (job.state !== "COMPLETED") return;
      job.watchers.delete(look);
      resolve();
    };
    job.watchers.add(look);
    look();
  });
