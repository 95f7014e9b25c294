import { FalError } from "./fal-error.ts";

/** An argument that can never work, found before anything was sent: nothing was paid. */
export class InvalidArgumentError extends FalError {
  override readonly name = "InvalidArgumentError";
  readonly code = "invalid_argument";
}

/** The input does not satisfy the schema that the caller gave for it. Found before anything was sent. */
export class InputMismatchError extends FalError {
  override readonly name = "InputMismatchError";
  readonly code = "input_mismatch";
  readonly issues: readonly { readonly message: string; readonly path: string }[];

  constructor(endpoint: string, issues: InputMismatchError["issues"]) {
    super(`The input for ${endpoint} does not match its schema: ${describeIssues(issues)}`, { endpoint });
    this.issues = issues;
  }
}

/**
 * The output does not satisfy the schema that the caller passed. The call is completed and paid:
 * `result` holds what fal sent.
 */
export class OutputMismatchError extends FalError {
  override readonly name = "OutputMismatchError";
  readonly code = "output_mismatch";
  readonly issues: readonly { readonly message: string; readonly path: string }[];
  declare readonly result: unknown;

  constructor(endpoint: string, requestId: string, result: unknown, issues: OutputMismatchError["issues"]) {
    super(`The output of ${endpoint} does not match the schema that was passed: ${describeIssues(issues)}`, {
      endpoint,
      requestId,
      billed: true,
    });
    this.issues = issues;
    // Not enumerable, so that a logger which walks the error does not print the payload.
    Object.defineProperty(this, "result", { value: result, enumerable: false });
  }
}

const describeIssues = (issues: readonly { message: string; path: string }[]): string =>
  issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; ");
