import type { Random } from "../model/random.ts";

/** The queue knows only these three; a failed or cancelled request is COMPLETED as well. */
export type JobState = "IN_QUEUE" | "IN_PROGRESS" | "COMPLETED";

export interface LogLine {
  readonly at: number;
  readonly message: string;
}

/** What the result route replays. */
export interface Outcome {
  readonly status: number;
  /** JSON text, as the model produced it. */
  readonly body: string;
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

/** One request on its way through the queue. Only the machine changes it. */
export interface Job extends Omit<JobOrder, "input"> {
  /** Undefined once the payload was dropped. */
  input: unknown;
  /** `dropped`: input and result are gone, to bound what an emulator holds. */
  payload: "held" | "dropped";
  state: JobState;
  readonly submittedAt: number;
  startedAt?: number;
  completedAt?: number;
  readonly logs: LogLine[];
  outcome?: Outcome;
  cancelled: boolean;
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
    cancelled: job.cancelled,
    billableUnits: outcome?.billableUnits,
    error: outcome?.failure?.error,
    errorType: outcome?.failure?.errorType,
    get result() {
      // Asked of the job at once, so that a view holds no body that was dropped since.
      if (!isOver || !job.outcome) return undefined;
      return { status: job.outcome.status, body: job.payload === "held" ? bodyOf(job.outcome) : undefined };
    },
  };
}

const bodyOf = ({ body }: Outcome): unknown => JSON.parse(body);
