import type { Store } from "../journal/store.ts";

type Method = Exclude<keyof Store, Fact>;
type Fact = "name" | "durable" | "keep";

/** Every method of a store; the compiler says when one is missing. */
const METHODS: Record<Method, true> = {
  intend: true,
  submitted: true,
  ambiguous: true,
  completed: true,
  failed: true,
  givenUp: true,
  charged: true,
  reused: true,
  call: true,
  calls: true,
  spend: true,
  close: true,
  claimRun: true,
  renewRun: true,
  releaseRun: true,
  endRun: true,
  cancelRun: true,
  run: true,
  runs: true,
  forgetRun: true,
  saveStep: true,
  dropSteps: true,
  steps: true,
  appendEvents: true,
  events: true,
  takeSlot: true,
  renewSlots: true,
  freeSlot: true,
};

/**
 * A store that asks another one, whatever class that is of, for all that is not its own.
 *
 * @param facts Asked anew each time. @param target Asked anew at each call.
 */
export function delegate(
  facts: () => Pick<Store, Fact>,
  target: () => Store | Promise<Store>,
  own: Partial<Pick<Store, Method>>,
): Store {
  const forward = (method: Method) => {
    return async (...args: unknown[]): Promise<unknown> => {
      const store: Store = await target();
      return Reflect.apply(store[method], store, args);
    };
  };
  const methods = Object.fromEntries((Object.keys(METHODS) as Method[]).map((name) => [name, forward(name)]));
  return {
    ...(methods as unknown as Pick<Store, Method>),
    ...own,
    get name() {
      return facts().name;
    },
    get durable() {
      return facts().durable;
    },
    get keep() {
      return facts().keep;
    },
  };
}
