import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BIN, child } from "../support/child.ts";
import { Albums } from "./album.ts";

const CHAINS = join(import.meta.dirname, "children/chains.ts");
const albums = new Albums();
const bin = (...argv: string[]) => child(BIN, argv, albums.env).ended;

test("resumes a failed run with a loaded chain: what it has is reused, and not paid again", async () => {
  await albums.failing("torn");
  expect((await albums.cli("runs", "show", "torn")).stdout).toContain(
    "fal-chain runs resume album/torn --load ./chains.ts\n",
  );
  const before = albums.submits("torn");
  const { code, stdout, stderr } = await bin("runs", "resume", "torn", "--load", CHAINS);
  expect([code, JSON.parse(stdout)]).toEqual([0, ["fox", "fox"]]);
  expect(stderr).toContain("cover: reused, paid for before\n");
  expect(albums.submits("torn")).toBe(before + 1);

  const { stdout: after } = await albums.cli("runs", "show", "torn");
  expect(after).toMatch(/^executed +2 times$/m);
  expect(after).toMatch(/^title +reused/m);
  expect(after).toMatch(/^cover +reused/m);
  expect(after).toMatch(/failed, replaced/);
  // The one that failed was not billed, and nothing is counted twice.
  expect(after).toMatch(/^total +\$0\.02$/m);
  expect(stderr).toMatch(/^total +\$0\.02$/m);
});

test("leaves a billed failure as it is where that is asked for, and goes on from one that was not billed", async () => {
  await albums.failing("paid", "completed-with-error; status=422; billableUnits=1");
  const before = albums.submits("paid");
  const { code, stderr } = await bin("runs", "resume", "paid", "--load", CHAINS, "--unbilled-only");
  expect(code).toBe(1);
  expect(stderr).toContain("The runner failed.");
  expect(albums.submits("paid")).toBe(before);
  expect(await bin("runs", "resume", "paid", "--load", CHAINS)).toMatchObject({ code: 0 });

  await albums.failing("free");
  const free = await bin("runs", "resume", "free", "--load", CHAINS, "--unbilled-only");
  expect([free.code, JSON.parse(free.stdout)]).toEqual([0, ["fox", "fox"]]);
});

test("settles a blocked run, and then resumes it without paying again", async () => {
  await albums.losing("lost");
  const { stdout } = await albums.cli("runs", "show", "lost");
  expect(stdout).toMatch(/^state +blocked$/m);
  expect(stdout).toMatch(/^blocked on +acme\/echo, which may or may not have been accepted/m);
  expect(stdout).toMatch(
    /^ +fal-chain runs settle album\/lost --adopt REQUEST\n +.* --resubmit\n +.* --give-up$/m,
  );

  const first = (await albums.shown("lost")).steps.find(
    (step: { call?: { state: string } }) => step.call?.state === "ambiguous",
  );
  const sent = albums.emulator.jobs.find(
    ({ input, tags }) => tags["run"] === "lost" && JSON.stringify(input) === first.call.body,
  );
  const settled = await albums.cli("runs", "settle", "lost", "--adopt", sent?.requestId ?? "none");
  expect(settled).toMatchObject({ code: 0, stdout: "" });
  expect(settled.stderr).toContain(`The step acme/echo is request ${sent?.requestId}.\n`);
  expect(settled.stderr).toContain("Go on with it: fal-chain runs resume album/lost --load ./chains.ts\n");
  expect((await albums.cli("runs", "show", "lost")).stdout).toMatch(/It is settled\. Go on with it:/);
  expect((await albums.cli("runs", "settle", "lost", "--give-up")).code).toBe(2);

  expect(await bin("runs", "resume", "lost", "--load", CHAINS)).toMatchObject({ code: 0 });
  expect(albums.submits("lost")).toBe(3);
  expect((await albums.cli("runs", "settle", "lost", "--resubmit")).stderr).toContain(
    "is completed, so there is nothing to settle",
  );
});

test("says what keeps a run from being resumed, and sends nothing", async () => {
  await albums.failing("torn");
  const before = albums.emulator.jobs.length;
  const load = async (file: string) => {
    const { code, stderr } = await bin("runs", "resume", "torn", "--load", file);
    expect(code).toBe(2);
    return stderr;
  };
  const module = (name: string, text: string) => {
    writeFileSync(join(albums.dir, name), text);
    return join(albums.dir, name);
  };
  expect(await load(join(albums.dir, "nothing.ts"))).toContain("could not be loaded: there is no such file.");
  expect(await load(module("enum.ts", "export enum A { B }"))).toContain("Node leaves types out");
  expect(await load(module("empty.mjs", "export const a = 1;"))).toContain("It exports no chain.");
  const pretended = '{ name: "poster", start() {}, resume() {} }';
  expect(await load(module("other.mjs", `export const a = ${pretended};`))).toContain("It exports poster.");
  // A client that was given a store of its own does not have the run.
  const own = `import { createFal, memoryStore } from ${JSON.stringify(import.meta.resolve("fal-chain"))};
    export const album = createFal({ store: memoryStore() }).chain("album", async () => {});`;
  expect(await load(module("own.mjs", own))).toContain("the client of");
  expect(albums.emulator.jobs).toHaveLength(before);
});
