import type { RunRecord } from "../journal/runs.ts";
import { restoredEvent } from "./events.ts";
import type { LiveRun } from "./live-run.ts";
import { fromJson } from "./saved-json.ts";

/** Puts into the log what other executions of the run have told so far. */
export async function readStoredEvents(live: LiveRun, record: RunRecord): Promise<void> {
  const { store } = live.services;
  const payloads = { call: store.call, output: () => fromJson(record.output) };
  for (;;) {
    const more = await store.events(record.chain, record.id, live.eventsRead);
    for (const { seq, event } of more) {
      const told = await restoredEvent(event, payloads);
      // What an execution here wrote is in the log already, until another process took the run over.
      if (told.type === "resumed" && told.epoch > (live.tellingEpoch ?? 0)) live.tellingEpoch = undefined;
      if (live.tellingEpoch === undefined) live.log.push(told);
      live.eventsRead = seq + 1;
    }
    if (more.length === 0) return;
  }
}
