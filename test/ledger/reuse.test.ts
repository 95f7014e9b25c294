import { expect, test } from "vitest";
import { ECHO, failureOf, setup } from "../support/setup.ts";

test("what a resumed run does not pay for again is saved; what it does without is wasted", async () => {
  const { fal } = setup();
  let ready = false;
  const film = fal.chain("film", async () => {
    await fal.subscribe(ECHO, { input: { n: 1 } });
    if (!ready) {
      await fal.subscribe(ECHO, { input: { n: 2 } });
      throw new Error("not ready");
    }
  });
  await failureOf(film.start(undefined, { id: "1" }));
  await fal.close();
  expect((await fal.costs()).total).toMatchObject({
    nanoUsd: 20_000_000,
    waste: { nanoUsd: 0 },
    reuse: { times: 0, savedNanoUsd: 0 },
  });
  ready = true;
  await film.resume("1");
  await fal.close();
  expect((await fal.costs()).total).toMatchObject({
    nanoUsd: 20_000_000,
    waste: { nanoUsd: 10_000_000, unusedNanoUsd: 10_000_000 },
    reuse: { times: 1, savedNanoUsd: 10_000_000 },
  });
});
