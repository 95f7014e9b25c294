import type { SavedError } from "../errors/saved-error.ts";
import type { Store } from "../journal/store.ts";
import { delegate } from "./delegate.ts";

/**
 * A store that is told of failures without keys and secrets: a message may quote what a server or the user's code wrote,
 * and a file outlives the process. Payloads are noted as they are.
 *
 * @param hide A text without them.
 */
export function withoutSecrets(store: Store, hide: (text: string) => string): Store {
  const hidden = (error: SavedError): SavedError => JSON.parse(hide(JSON.stringify(error)));
  return delegate(
    () => store,
    () => store,
    {
      failed: (id, error, at) => store.failed(id, hidden(error), at),
      givenUp: (id, why, at, error) => store.givenUp(id, why, at, error && hidden(error)),
      endRun: (fence, end, at) =>
        store.endRun(fence, end.error ? { ...end, error: hidden(end.error) } : end, at),
      saveStep: (fence, step) =>
        store.saveStep(fence, step.error ? { ...step, error: hidden(step.error) } : step),
      appendEvents: (fence, events) => store.appendEvents(fence, events.map(hide)),
    },
  );
}
