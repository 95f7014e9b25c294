/** Whether everything is tried, as in the gate; else as much as every change can wait for. */
export const isThorough = Boolean(process.env["ALL_CASES"]);

/** How many random cases a law is tried on: an eighth where every change waits for them. */
export const cases = (all: number): number => (isThorough ? all : Math.ceil(all / 8));
