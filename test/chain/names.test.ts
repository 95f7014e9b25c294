import { type Fal, memoryStore, type Store } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { ECHO, failureOf, setup } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

const STORES: Record<string, () => Store> = {
  memory: () => memoryStore(),
  sqlite: () => {
    const store = sqliteStore(`${tempDir()}/calls.db`);
    onTestFinished(() => store.close());
    return store;
  },
};

const NUL = "a\u0000b";
const HALF = "a \ud83d b";

test.each([NUL, HALF])(
  "a name that no store can keep (%j) is refused before anything is sent",
  async (odd) => {
    const { fal, sent } = setup();
    const inRun = (act: (fal: Fal) => unknown) =>
      failureOf(fal.chain("c", async () => void (await act(fal))).start());
    const refused = { code: "invalid_argument", message: expect.stringContaining("half a character") };
    expect(() => fal.chain(odd, async () => 1)).toThrow(expect.objectContaining(refused));
    const chain = fal.chain("once", async () => 1);
    expect(() => chain.start(undefined, { id: odd })).toThrow(expect.objectContaining(refused));
    expect(() => chain.resume(odd)).toThrow(expect.objectContaining(refused));
    expect(await failureOf(fal.runs.add("once", undefined, { id: odd }))).toMatchObject(refused);
    expect(await failureOf(fal.runs.add(odd, undefined))).toMatchObject(refused);
    expect(await inRun((fal) => fal.step(odd, () => 1))).toMatchObject(refused);
    expect(await inRun((fal) => fal.branch(odd, async () => 1))).toMatchObject(refused);
    expect(await inRun((fal) => fal.subscribe(ECHO, { input: { n: 1 }, step: odd }))).toMatchObject(refused);
    expect(await failureOf(fal.subscribe(ECHO, { input: { n: 1 }, step: odd }))).toMatchObject(refused);
    expect(sent).toEqual([]);
  },
);

test.each(Object.keys(STORES))(
  "names of five kilobytes, and odd texts in inputs and results (%s)",
  async (kind) => {
    const store = STORES[kind]?.() as Store;
    const { fal, emulator } = setup({ store });
    const long = (name: string) => `${name} ${"äöü🦊".repeat(900)}`;
    const chain = fal.chain(long("chain"), async (input: { prompt: string }) => {
      const { data } = await fal.branch(long("branch"), () =>
        fal.step(long("step"), () => fal.subscribe(ECHO, { input, step: long("call") })),
      );
      return data as { echo: { prompt: string } };
    });
    const tags = { customer: `${HALF}${"🦊".repeat(300)}`, other: NUL };
    for (const prompt of [NUL, HALF]) {
      const id = long(JSON.stringify(prompt));
      const start = () => chain.start({ prompt }, { id, tags });
      const first = await start();
      expect(first.echo.prompt).toBe(prompt);
      expect(await start()).toEqual(first);
      expect(await fal.runs.get(chain.name, id)).toMatchObject({ state: "completed", id });
      expect((await fal.runs.steps(chain.name, id)).map(({ kind }) => kind).sort()).toEqual(["call", "step"]);
      await fal.runs.parts(chain.name, id);
    }
    expect(emulator.jobs).toHaveLength(2);
    const { rows } = await fal.costs({ by: ["run"] });
    expect(rows).toHaveLength(2);
    await fal.close();
  },
);
