import type { FalErrorCode } from "./codes.ts";
import { withoutKeys } from "./secrets.ts";

/** Facts that any failure of a call may carry. None of them ever holds a prompt or a key. */
export interface FailureFacts {
  readonly endpoint?: string | undefined;
  readonly requestId?: string | undefined;
  /** Whether doing the same again may succeed. */
  readonly retryable?: boolean;
  /** Whether fal charged for it, as far as is known. */
  readonly billed?: boolean | "unknown";
  readonly cause?: unknown;
}

/** The root of every error that this package throws. `code` is stable; `message` is for people. */
export abstract class FalError extends Error {
  abstract readonly code: FalErrorCode;
  readonly endpoint: string | undefined;
  readonly requestId: string | undefined;
  readonly retryable: boolean;
  readonly billed: boolean | "unknown";

  constructor(message: string, facts: FailureFacts = {}) {
    // Whichever field or variable a key was put in by mistake, what is said of it may quote it.
    super(withoutKeys(message), "cause" in facts ? { cause: facts.cause } : undefined);
    this.endpoint = facts.endpoint;
    this.requestId = facts.requestId;
    this.retryable = facts.retryable ?? false;
    this.billed = facts.billed ?? false;
  }

  /** For `JSON.stringify`: what `code` and `message` say, the facts, and the body of an answer. */
  toJSON(): Record<string, unknown> {
    // A promise says nothing in JSON.
    const { name, code, message, cancel: _, ...facts } = this as this & { readonly cancel?: unknown };
    return { name, code, message, ...facts };
  }
}
