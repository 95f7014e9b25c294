import type { Fal } from "fal-chain";

/** How often each input of one run may be submitted, and has been when the run ends. Fourteen calls. */
export const EXPECTED: Readonly<Record<string, number>> = {
  first: 1,
  second: 1,
  "map 0": 1,
  "map 1": 1,
  "map 2": 1,
  equal: 2,
  refused: 1,
  fallback: 1,
  file: 1,
  "after the step": 1,
  "inner first": 1,
  "inner second": 1,
  last: 1,
};

export const ECHO = "acme/echo";
/** Takes no input that is sent here, so each call of it fails after it was accepted. */
export const STRICT = "acme/strict";

/** A sequence, a map, branches with equal inputs, a fallback, a memoized function, a file, and a run within the run. */
export function fourteen(fal: Fal) {
  const callOf =
    (run: string) =>
    (name: string, more: object = {}) =>
      fal.subscribe(ECHO, { input: { run, name, ...more } });
  const inner = fal.chain("inner", async ({ run }: { run: string }) => {
    const call = callOf(run);
    await call("inner first");
    await call("inner second");
  });
  return fal.chain("fourteen", async ({ run }: { run: string }) => {
    const call = callOf(run);
    const first = await call("first");
    await call("second", { after: Object.keys(first.data as object) });
    await fal.map([0, 1, 2], (n) => call(`map ${n}`), { concurrency: 2 });
    await Promise.all(["left", "right"].map((side) => fal.branch(side, () => call("equal"))));
    await fal.fallback([
      () => fal.subscribe(STRICT, { input: { run, name: "refused" } }),
      () => call("fallback"),
    ]);
    await call("file", { image_url: new Blob(["the bytes of a picture"], { type: "image/png" }) });
    const seed = await fal.step("seed", () => Math.random());
    await call("after the step", { seed });
    await inner.start({ run });
    const { data } = await call("last");
    return (data as { echo: { name: string } }).echo.name;
  });
}
