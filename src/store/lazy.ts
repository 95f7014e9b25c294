import type { Store } from "../journal/store.ts";

/** A store that is made when something of it is first asked for. @param make Asked each time; gives the same one. */
export const lazyStore = (make: () => Store): Store => ({
  get name() {
    return make().name;
  },
  get durable() {
    return make().durable;
  },
  get keep() {
    return make().keep;
  },
  get calls() {
    return make().calls;
  },
  get runs() {
    return make().runs;
  },
  get slots() {
    return make().slots;
  },
  spend: (query) => make().spend(query),
  close: () => make().close(),
});
