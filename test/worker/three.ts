import type { Fal } from "fal-chain";

export const ECHO = "acme/echo";

/** Three calls in sequence. */
export const three = (fal: Fal) =>
  fal.chain("three", async ({ run }: { run: string }) => {
    for (const call of [1, 2, 3]) await fal.subscribe(ECHO, { input: { run, call } });
    return run;
  });
