import { hidden, type SavedError } from "../errors/saved-error.ts";
import type { Store } from "../journal/store.ts";

/**
 * A store that is told of failures without keys and secrets: a message may quote what a server or the user's code wrote,
 * and a file outlives the process. Payloads are noted as they are.
 *
 * @param hide A text without them.
 */
export function redacted(store: Store, hide: (text: string) => string): Store {
  const { calls, runs } = store;
  const hiddenIn = (error: SavedError): SavedError => hidden(error, hide);
  // Most hold none, and are not taken apart.
  const hiddenJson = (json: string): string =>
    hide(json) === json ? json : JSON.stringify(hidden(JSON.parse(json), hide));
  return {
    ...store,
    calls: {
      ...calls,
      failed: (id, error, at) => calls.failed(id, hiddenIn(error), at),
      givenUp: (id, why, at, error) => calls.givenUp(id, why, at, error && hiddenIn(error)),
    },
    runs: {
      ...runs,
      end: (fence, end, at) => runs.end(fence, end.error ? { ...end, error: hiddenIn(end.error) } : end, at),
      saveStep: (fence, step) =>
        runs.saveStep(fence, step.error ? { ...step, error: hiddenIn(step.error) } : step),
      appendEvents: (fence, events) => runs.appendEvents(fence, events.map(hiddenJson)),
    },
  };
}
