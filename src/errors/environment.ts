import { FalError } from "./fal-error.ts";

/** A variable of the environment is missing or unusable. Names it, says what is wrong and how to cure it. */
export class EnvironmentError extends FalError {
  override readonly name = "EnvironmentError";
  readonly code: "missing_variable" | "invalid_variable";
  readonly variable: string;
  readonly cure: string;

  constructor(
    code: EnvironmentError["code"],
    variable: string,
    problem: string,
    cure: string,
    options?: { cause?: unknown },
  ) {
    super(`${variable} ${problem}. ${cure}`, options);
    this.code = code;
    this.variable = variable;
    this.cure = cure;
  }
}

/** Of a runtime that lacks what the client needs, where that is first asked for. */
export function runtimeTooOld(): EnvironmentError {
  const { node } = globalThis.process?.versions ?? {};
  const what = node === undefined ? "This runtime" : `Node ${node}`;
  return new EnvironmentError(
    "invalid_variable",
    what,
    "is too old for fal-chain",
    "Use Node 22.13 or newer.",
  );
}
