import type { Clock } from "../base/clock.ts";
import { type App, type HostedApp, hostApp } from "../gateway/app.ts";
import type { Machine } from "./machine.ts";
import { log } from "./requests.ts";

export interface HostOptions {
  readonly clock: Clock;
  readonly timeScale: number;
  readonly machine: Machine;
  readonly onLine:
    | ((text: string, from: { readonly app: string; readonly place: number }) => void)
    | undefined;
}

/** Starts the runners of each app. What they write goes into the log of the request that it is about. */
export function hostApps(
  options: readonly App[],
  apps: Map<string, HostedApp>,
  { clock, timeScale, machine, onLine }: HostOptions,
): void {
  for (const app of options) {
    const { id } = app;
    const hosted = hostApp(app, {
      clock,
      timeScale,
      changed: () => machine.advance(id),
      line(text, { place }, requestId) {
        const job = machine.jobs.get(requestId ?? "");
        if (job) log(job, text, clock.now());
        onLine?.(text, { app: id, place });
      },
    });
    apps.set(id, hosted);
  }
}
