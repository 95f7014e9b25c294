import type { Clock } from "../base/clock.ts";
import { type App, type HostedApp, hostApp } from "../gateway/app.ts";
import type { StartRunner } from "../gateway/runner.ts";
import type { Machine } from "./machine.ts";
import { log } from "./requests.ts";
import type { Runners } from "./runners.ts";

export interface HostOptions {
  readonly clock: Clock;
  readonly timeScale: number;
  readonly machine: Machine;
  /** Whoever bills them. */
  readonly bill: Runners;
  /** Where the emulator is. */
  readonly url: string | undefined;
  readonly onLine:
    | ((text: string, from: { readonly app: string; readonly place: number }) => void)
    | undefined;
}

/** Starts the runners of each app. What they write goes into the log of the request that it is about. */
export function hostApps(
  options: readonly App[],
  apps: Map<string, HostedApp>,
  { clock, timeScale, machine, bill, url, onLine }: HostOptions,
): void {
  for (const app of options) {
    const { id } = app;
    const hosted = hostApp(
      { ...app, start: metered(app, bill) },
      {
        clock,
        timeScale,
        url,
        changed: () => machine.advance(id),
        line(text, { place }, requestId) {
          const job = machine.jobs.get(requestId ?? "");
          if (job) log(job, text, clock.now());
          onLine?.(text, { app: id, place });
        },
      },
    );
    apps.set(id, hosted);
  }
}

/** A runner is paid for from its start until it is gone. */
const metered =
  ({ id, start }: App, bill: Runners): StartRunner =>
  (told) => {
    const runner = start(told);
    const [, app = id] = id.split("/");
    const ended = bill.started({ app, environment: app.split("--")[1] ?? "main" });
    runner.exited.then(ended, ended);
    return runner;
  };
