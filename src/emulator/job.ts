import type { Ending, Verdict } from "../gateway/retries.ts";
import type { Random } from "../model/random.ts";
import { exactJson } from "./exact-json.ts";

/** The queue knows only these three; a failed or cancelled request is COMPLETED as well. */
export type JobState = "IN_QUEUE" | "IN_PROGRESS" | "COMPLETED";

export interface LogLine {
  readonly at: number;
  readonly message: string;
}

/** What the result route replays. */
export interface Outcome {
  readonly status: number;
  /** As the model produced it: JSON text; of an app any text, and of what is none its bytes in base64. */
  readonly body: string;
  readonly encoding?: "base64";
  readonly billableUnits: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Set when the request failed. */
  readonly failure?: { readonly error: string; readonly errorType: string };
}

/** What was asked for, fixed at the submit. */
export interface JobOrder {
  readonly requestId: string;
  readonly endpoint: string;
  readonly app: string;
  readonly account: string;
  /** The submit's body, as it was sent. */
  readonly input: unknown;
  readonly inputBytes: number;
  /** The same as text, to be handed on byte for byte: for an app. */
  readonly text?: string;
  /** Its answer goes to the caller, who waits for it, and who has left where the emulator was started anew. */
  readonly isDirect?: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly rawTags?: string;
  readonly webhookUrl?: string;
  readonly priority: "normal" | "low";
  /** How long the request may wait for its start, in milliseconds. */
  readonly startWithinMs?: number;
  /** Where URLs of this request's output files begin. */
  readonly filesBase: string;
  readonly random: Random;
  /** How it ends whatever the model would have made of it: a fault's doing. */
  readonly fate?: Outcome;
}

/** A call of an app without the queue: any method, any body, and a caller who waits. */
export interface DirectCall {
  readonly method: string;
  readonly search: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Fires when nothing more is sent to the caller: who leaves after that has left nothing behind. */
  readonly over: AbortController;
  /** Called with the app's answer, while its body arrives; never where there is none. */
  respond(answer: Response): void;
  /** Told of each event of a model that streams, or of the one of a realtime connection. */
  readonly onEvent?: (event: unknown) => void;
  /** It is one input of a realtime connection. */
  readonly isRealtime?: true;
}

/** One try at a request by a runner of its app. */
export interface JobAttempt {
  /** The runner's. */
  readonly jobId: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** The answer's status, or how the connection broke. */
  readonly ending: Ending;
  /** Why the request was queued again; absent where it was not. */
  readonly retry?: NonNullable<Verdict["retry"]>;
}

/** Why a request was given up by its caller, in fal's words. */
export type GivenUp = "client_cancelled" | "client_disconnected";

/** One request on its way through the queue. Only the machine changes it. */
export interface Job extends Omit<JobOrder, "input" | "text"> {
  /** Undefined once the payload was dropped. */
  input: unknown;
  text?: string;
  direct?: DirectCall;
  /** `dropped`: input and result are gone, to bound what an emulator holds. */
  payload: "held" | "dropped";
  state: JobState;
  readonly submittedAt: number;
  startedAt?: number;
  completedAt?: number;
  readonly logs: LogLine[];
  /** Those that have ended, oldest first: of an app's requests. */
  readonly attempts: JobAttempt[];
  outcome?: Outcome;
  cancelled: GivenUp | false;
  /** Fires when the request is over before its time: whatever works on it stops. */
  readonly stop: AbortController;
  /** Called after every change, and when the queue moves. */
  readonly watchers: Set<() => void>;
}

/** A request as the emulator saw it, for tests and reports. */
export interface JobView {
  readonly requestId: string;
  readonly endpoint: string;
  readonly account: string;
  readonly input: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** As the gateway understands `X-Fal-Tags`: pairs that break its rules are gone. */
  readonly tags: Readonly<Record<string, string>>;
  /** `X-Fal-Tags` as it came. */
  readonly rawTags: string | undefined;
  readonly webhookUrl: string | undefined;
  readonly priority: "normal" | "low";
  readonly state: JobState;
  readonly submittedAt: number;
  readonly startedAt: number | undefined;
  readonly completedAt: number | undefined;
  readonly logs: readonly LogLine[];
  /** Of an app's request: the tries that have ended, oldest first. */
  readonly attempts: readonly JobAttempt[];
  readonly cancelled: boolean;
  readonly billableUnits: number | undefined;
  readonly error: string | undefined;
  readonly errorType: string | undefined;
  /** Status and parsed body of the result, once there is one; the body is undefined when it was dropped from memory. */
  readonly result: { readonly status: number; readonly body: unknown } | undefined;
}

/** Views of completed requests: those change no more. */
const finished = new WeakMap<Job, JobView>();

/** Ten thousand requests are looked at often, so a view costs little: bodies are parsed when they are read. */
export function viewOf(job: Job): JobView {
  const known = finished.get(job);
  if (known) return known;
  const view = snapshotOf(job);
  if (job.state === "COMPLETED") finished.set(job, view);
  return view;
}

function snapshotOf(job: Job): JobView {
  const { outcome, state } = job;
  const isOver = state === "COMPLETED";
  return {
    requestId: job.requestId,
    endpoint: job.endpoint,
    account: job.account,
    get input() {
      return job.input;
    },
    headers: job.headers,
    tags: job.tags,
    rawTags: job.rawTags,
    webhookUrl: job.webhookUrl,
    priority: job.priority,
    state,
    submittedAt: job.submittedAt,
    startedAt: job.startedAt,
    completedAt: job.completedAt,
    logs: [...job.logs],
    attempts: [...job.attempts],
    cancelled: job.cancelled !== false,
    billableUnits: outcome?.billableUnits,
    error: outcome?.failure?.error,
    errorType: outcome?.failure?.errorType,
    get result() {
      // Asked of the job at once, so that a view holds no body that was dropped since.
      if (!isOver || !job.outcome) return undefined;
      const { outcome, payload } = job;
      return { status: outcome.status, body: payload === "held" ? bodyOf(outcome) : undefined };
    },
  };
}

/** JSON, or the text where it is none. */
function bodyOf({ body }: Outcome): unknown {
  try {
    return exactJson(body);
  } catch {
    return body;
  }
}
