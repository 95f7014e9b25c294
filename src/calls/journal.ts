import type { Ticket } from "../queue/queue.ts";
import type { Result } from "./events.ts";

/** A call that is about to be paid for. */
export interface Intent {
  readonly id: string;
  readonly endpoint: string;
  /** The exact JSON that will be sent. */
  readonly body: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Where a call's progress is written down, each step before the next one happens. */
export interface Journal {
  /** Before the POST. If it rejects, nothing is sent. */
  intend(intent: Intent): Promise<void>;
  /** The request id, before anything else happens. */
  submitted(id: string, ticket: Ticket): Promise<void>;
  /** The result, before the caller's code sees it. */
  completed(id: string, result: Result<unknown>): Promise<void>;
  failed(id: string, error: unknown): Promise<void>;
}

/** Remembers nothing: a call is as safe as the process it runs in. */
export const volatileJournal: Journal = {
  intend: async () => {},
  submitted: async () => {},
  completed: async () => {},
  failed: async () => {},
};
