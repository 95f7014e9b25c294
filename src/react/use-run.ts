import { useEffect, useState } from "react";
import type { NumberedEvent } from "../index.ts";
import { afterEvent, NO_RUN, type RunState } from "./run-state.ts";

/** What of an `EventSource` is used. */
type Source = Pick<EventSource, "addEventListener" | "close" | "readyState">;

export interface UseRunOptions {
  /** Opens the stream of events. @default `new EventSource(url)` */
  readonly open?: (url: string) => Source;
}

const CLOSED = 2;

/**
 * Shows a run that a server executes, from a stream of its events such as docs/server-and-apps.md has it for browsers. A page that is loaded again sees all of it again, and nothing is executed for it.
 *
 * @param url Where the server tells its events; none while there is no run.
 * @example
 * ```tsx
 * const { status, steps, output } = useRun<Poster>(order && `/progress?order=${order}`);
 * ```
 */
export function useRun<O = unknown>(
  url: string | undefined,
  { open = openSource }: UseRunOptions = {},
): RunState<O> {
  const [state, setState] = useState<RunState<O>>(NO_RUN);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a function that is written in place is another each time
  useEffect(() => {
    setState(url === undefined ? NO_RUN : { ...NO_RUN, status: "connecting", isPending: true });
    if (url === undefined) return;
    const source = open(url);
    source.addEventListener("message", ({ data }) => {
      const event = JSON.parse(String(data)) as NumberedEvent<O>;
      if (event.type === "settled") source.close();
      setState((known) => afterEvent(known, event));
    });
    source.addEventListener("error", () => {
      // What broke off is opened again by itself; what was refused is not.
      if (source.readyState !== CLOSED) return;
      setState((known) =>
        known.isPending ? { ...known, status: "failed", isPending: false, error: refused(url) } : known,
      );
    });
    return () => source.close();
  }, [url]);
  return state;
}

const openSource = (url: string): Source => new EventSource(url);

const refused = (url: string) => new Error(`The events of the run are not to be had from ${url}.`);
