/** How many random cases a law is tried on: a third where every change waits for them, all of them in the gate. */
export const cases = (all: number): number => (process.env["ALL_CASES"] ? all : Math.ceil(all / 3));
