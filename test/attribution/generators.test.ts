import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

test("what a generator calls belongs to the run that reads it, with the tags of where it was made", async () => {
  const store = sqliteStore(`${tempDir()}/calls.db`);
  onTestFinished(() => store.close());
  const { fal, emulator } = setup({ store });
  let dies = true;
  async function* pages() {
    yield (await fal.subscribe(ECHO, { input: { page: 1 } })).data;
  }
  const book = () => {
    const made = fal.withTags({ source: "pages" }, pages);
    return fal.chain("book", async () => {
      for await (const _ of made) if (dies) throw new Error("a bug");
    });
  };
  await failureOf(book().start(undefined, { id: "1" }));
  dies = false;
  await book().resume("1");
  expect(emulator.jobs).toHaveLength(1);
  expect(emulator.jobs[0]?.tags).toMatchObject({ chain: "book", run: "1", source: "pages" });
  expect((await store.calls.list())[0]).toMatchObject({
    for: { chain: "book", run: "1", rootRun: "book/1" },
  });
});

test("a generator that one run made and another one reads calls for its reader", async () => {
  const { fal } = setup();
  async function* pages() {
    yield (await fal.subscribe(ECHO, { input: {} })).data;
  }
  let made: ReturnType<typeof pages> | undefined;
  await fal
    .chain("maker", async () => {
      made = fal.withTags({ source: "maker" }, pages);
    })
    .start(undefined);
  await fal
    .chain("reader", async () => {
      for await (const _ of made ?? []);
    })
    .start(undefined);
  expect((await fal.calls.list()).map(({ for: { chain, userTags } }) => [chain, userTags])).toEqual([
    ["reader", { source: "maker" }],
  ]);
});

test("a branch that gives a generator is the scope of what it calls", async () => {
  const { fal } = setup();
  const two = fal.chain("two", async () => {
    const sides = ["left", "right"].map((side) =>
      fal.branch(side, async function* () {
        yield (await fal.subscribe(ECHO, { input: {} })).data;
      }),
    );
    for (const side of sides) for await (const _ of side);
  });
  await two.start();
  const keys = (await fal.calls.list()).map(({ key }) => key?.slice(0, key.indexOf(" ")));
  expect(keys).toEqual(["/right", "/left"]);
});
