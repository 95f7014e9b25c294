import type { Breakage } from "./retries.ts";

/** One start of an app: what fal calls a runner, and `FAL_JOB_ID` names. */
export interface Runner {
  readonly jobId: string;
  /** Of its process, where it has one. */
  readonly pid?: number | undefined;
  /** Resolves when its port can be reached. Never where it ends before. */
  readonly opened: Promise<void>;
  /** Resolves when it is gone, with how it ended: `exit code 1`, `SIGKILL`. */
  readonly exited: Promise<string>;
  /**
   * One exchange with its server. A redirect is given as it is.
   *
   * @throws {RunnerLost} where there is no answer, from here or while its body is read.
   */
  fetch(request: Request): Promise<Response>;
  /** Whether its port can be reached. */
  check(): Promise<boolean>;
  /** SIGTERM: it may finish what it does. */
  stop(): void;
  /** SIGKILL. */
  kill(): void;
}

/** Starts one. What it writes is told line by line. */
export type StartRunner = (told: RunnerStart) => Runner;

export interface RunnerStart {
  /** Its place in the app, from 1. */
  readonly place: number;
  /** Where the platform is, for one that listens somewhere. */
  readonly platform?: string | undefined;
  line(text: string): void;
}

/** The connection to a runner broke, or there was none. */
export class RunnerLost extends Error {
  override readonly name = "RunnerLost";
  readonly ending: Breakage;

  constructor(ending: Breakage, message: string, options?: ErrorOptions) {
    super(message, options);
    this.ending = ending;
  }
}
