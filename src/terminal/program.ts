import { DELIBERATE_MS } from "../base/signal.ts";
import { surviveClosedPipes } from "./closed-pipes.ts";
import { EXIT, exitCodeOf } from "./exit-code.ts";
import { aside } from "./live.ts";
import type { Output } from "./text.ts";
import { writeError } from "./write-error.ts";

/**
 * Runs `fn` as a program in a terminal: Ctrl-C aborts its signal, an error becomes one line and an exit code, and a
 * reader that leaves early (`| head`) does no harm. Leaves the process to end by itself, so that all output gets out.
 *
 * @returns the exit code. @example process.exitCode = await runProgram(async (signal) => { … });
 */
export async function runProgram(fn: (signal: AbortSignal) => Promise<void>): Promise<number> {
  surviveClosedPipes();
  try {
    await untilInterrupted(fn);
    return EXIT.ok;
  } catch (error) {
    writeError(error, process.stderr);
    return exitCodeOf(error);
  }
}

/**
 * Runs `fn` with a signal that Ctrl-C (SIGINT) and SIGTERM abort, saying so. A second one, a second later or more, ends the
 * process at once.
 */
export async function untilInterrupted<T>(
  fn: (signal: AbortSignal) => Promise<T>,
  output: Output = process.stderr,
): Promise<T> {
  const controller = new AbortController();
  let since = Number.NaN;
  const onSignal = (name: NodeJS.Signals) => {
    if (performance.now() - since >= DELIBERATE_MS) process.exit(EXIT.interrupted);
    if (controller.signal.aborted) return;
    since = performance.now();
    aside(output, `${name}: cancelling what is still running. Once more to leave at once.`);
    controller.abort(new DOMException(name, "AbortError"));
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await fn(controller.signal);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}
