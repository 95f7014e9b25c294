import { type Runner, RunnerLost, type StartRunner } from "./runner.ts";

export interface InProcessOptions {
  /** Called at SIGTERM; the runner is gone when it resolves. @default it is gone at once */
  readonly stop?: () => Promise<void>;
  /** Resolves when it is ready for requests; rejects where the start fails. @default at once */
  readonly setup?: () => Promise<void>;
}

/**
 * A runner that is a function: for tests of an app on fal's queue, with its retries, without a port or a process.
 *
 * @example createEmulator({ clock, apps: [{ id: "me/poster", start: inProcess(app.fetch) }] });
 */
export const inProcess =
  (
    fetch: (request: Request) => Response | Promise<Response>,
    { setup = async () => {}, stop = async () => {} }: InProcessOptions = {},
  ): StartRunner =>
  () => {
    const exited = Promise.withResolvers<string>();
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {}); // nobody may be waiting
    let isGone = false;
    const leave = (how: string) => {
      isGone = true;
      exited.resolve(how);
      lost.reject(new RunnerLost("disconnected", "The runner is gone"));
    };
    const opened = Promise.withResolvers<void>();
    setup().then(opened.resolve, (error: unknown) => leave(`setup failed: ${String(error)}`));
    const runner: Runner = {
      jobId: crypto.randomUUID(),
      opened: opened.promise,
      exited: exited.promise,
      async fetch(request) {
        if (isGone) throw new RunnerLost("refused", "The runner is gone");
        const { promise, reject } = Promise.withResolvers<never>();
        const onAbort = () => reject(request.signal.reason);
        request.signal.addEventListener("abort", onAbort, { once: true });
        try {
          return await Promise.race([Promise.resolve(fetch(request)), lost.promise, promise]);
        } finally {
          request.signal.removeEventListener("abort", onAbort);
        }
      },
      check: async () => !isGone,
      stop: () => {
        if (!isGone) void stop().finally(() => leave("exit code 0"));
      },
      kill: () => leave("SIGKILL"),
    };
    return runner;
  };
