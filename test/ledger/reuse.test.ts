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

test("what an equal call of another run was paid for is saved by whoever is given it", async () => {
  const { fal } = setup();
  const draw = fal.chain("draw", async () => (await fal.subscribe(ECHO, { input: { n: 1 } })).data, {
    reuse: {},
  });
  for (const customer of ["acme", "other", "other"]) await draw.start(undefined, { tags: { customer } });
  await fal.close();
  const { rows, total } = await fal.costs({ by: ["tag:customer"] });
  expect(total).toMatchObject({
    calls: 3,
    unknown: 0,
    nanoUsd: 10_000_000,
    reuse: { times: 2, savedNanoUsd: 20_000_000 },
  });
  expect(rows.map(({ key, nanoUsd, reuse }) => [key["tag:customer"], nanoUsd, reuse.savedNanoUsd])).toEqual([
    ["acme", 10_000_000, 0],
    ["other", 0, 20_000_000],
  ]);
});

test("where the price comes after the result, it is saved all the same", async () => {
  let hasPrice = false;
  const { fal, clock } = setup({
    wire: (request, forward) =>
      request.url.includes("pricing") && !hasPrice ? new Response("{}", { status: 404 }) : forward(),
  });
  await fal.subscribe(ECHO, { input: { n: 1 } });
  await fal.close();
  hasPrice = true;
  await clock.sleep(7_200_000);
  await fal.subscribe(ECHO, { input: { n: 1 }, reuse: {} });
  await fal.close();
  const { total } = await fal.costs();
  expect(total).toMatchObject({
    nanoUsd: 10_000_000,
    unknown: 0,
    reuse: { times: 1, savedNanoUsd: 10_000_000 },
  });
});
