import { memoryStore } from "fal-chain";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runTree } from "../../src/terminal/index.ts";
import { columnsOf } from "../../src/terminal/text.ts";
import { Screen } from "../support/screen.ts";
import { ECHO, setup } from "../support/setup.ts";

beforeEach(() => vi.stubEnv("FORCE_COLOR", undefined));
afterEach(() => vi.unstubAllEnvs());

/** An album whose covers are runs of their own, one of whose calls failed and one of whose is in doubt. */
async function album() {
  const { fal, emulator } = setup({
    env: { FAL_KEY: "a:b", FAL_JOB_ID: "job-7" },
    store: memoryStore(),
    ambiguousSubmit: "throw",
  });
  const cover = fal.chain("cover", async () => {
    await fal.subscribe(ECHO, { input: {}, step: "draw" });
  });
  const film = fal.chain("album", async () => {
    await fal.step("seed", () => 7);
    await fal.map([1, 2], (n) =>
      fal.branch("page", () => fal.subscribe(ECHO, { input: { n }, step: "draw" })),
    );
    await cover.start();
    emulator.faults.next("submit", "completed-with-error; status=500");
    await fal.subscribe(ECHO, { input: {}, step: "fails" }).catch(() => {});
    emulator.faults.next("submit", "lost-response");
    await fal.subscribe(ECHO, { input: { n: 3 }, step: "lost" }).catch(() => {});
  });
  await film.start(undefined, { id: "7" }).then(undefined, () => {});
  await fal.close();
  return fal;
}

const WAITS = /\d+\.\d s/g;

test("a run is a tree of its scopes and of the runs within it, and each sum is of what is below it", async () => {
  const fal = await album();
  const text = runTree(await fal.runs.parts("album", "7"), new Screen({ columns: 120 }));
  expect(text.replaceAll(WAITS, "0.0 s").replaceAll(/ +$/gm, "").split("\n")).toEqual([
    "album/7",
    "step              endpoint   state       wait    run  billed                cost  share",
    "├─ album/7                                                     $0.02 + 1 unknown   67 %",
    "│  ├─ seed                   done",
    "│  ├─ map[0]                                                               $0.01   33 %",
    "│  │  └─ page                                                              $0.01   33 %",
    "│  │     └─ draw  acme/echo  done       0.0 s  0.0 s  1 image              $0.01   33 %",
    "│  ├─ map[1]                                                               $0.01   33 %",
    "│  │  └─ page                                                              $0.01   33 %",
    "│  │     └─ draw  acme/echo  done       0.0 s  0.0 s  1 image              $0.01   33 %",
    "│  ├─ fails       acme/echo  failed                                   not billed",
    "│  └─ lost        acme/echo  ambiguous                             may be billed",
    "└─ cover/…#1                                                               $0.01   33 %",
    "   └─ draw        acme/echo  done       0.0 s  0.0 s  1 image              $0.01   33 %",
    expect.stringMatching(/^─+$/),
    expect.stringMatching(/^total +\$0\.03 \+ 1 unknown +100 %$/),
    "Runners waited 0.0 s for these calls, each call by itself.",
    "The cost of 1 call is not known: 1 may have been accepted.",
  ]);
});

test("the tree's total is the report's", async () => {
  const fal = await album();
  const { total } = await fal.costs({ rootRun: "album/7", by: ["run"] });
  expect(total).toMatchObject({ nanoUsd: 30_000_000, calls: 5, unknown: 1 });
});

test.each([120, 80, 60, 40])("on %i columns money is there, and no line is longer", async (columns) => {
  const fal = await album();
  const lines = runTree(await fal.runs.parts("album", "7"), new Screen({ columns })).split("\n");
  expect(lines[1]).toContain("cost");
  if (columns >= 60) for (const line of lines.slice(1)) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
});
