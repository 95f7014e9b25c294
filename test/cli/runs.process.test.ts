import { sqliteStore } from "fal-chain/sqlite";
import { expect, test } from "vitest";
import { Albums } from "./album.ts";

const albums = new Albums();

test("lists runs with their state, calls and cost, the newest first", async () => {
  await albums.finished("order-1");
  await albums.failing("order-2");
  const { stdout } = await albums.cli("runs");
  expect(stdout).toMatch(
    /^run +state +started +calls +cost\nalbum\/order-2 +failed +\d{4}-.* 2 +\$0\.01\nalbum\/order-1 +completed .* 3 +\$0\.03\n$/,
  );
  expect((await albums.cli("runs", "list", "--state", "failed")).stdout).not.toContain("order-1");
  expect((await albums.cli("runs", "--chain", "other")).stdout).toBe("No such runs are in the store.\n");
  const json = JSON.parse((await albums.cli("runs", "--json", "--limit", "1")).stdout);
  expect(json).toMatchObject([
    { chain: "album", id: "order-2", state: "failed", tags: { customer: "acme" } },
  ]);
});

test("shows what a run did, when and for how much, by any name that is unambiguous", async () => {
  await albums.finished("order-1");
  for (const name of ["album/order-1", "order-1", "ord", "album/o"]) {
    const { code, stdout } = await albums.cli("runs", "show", name);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^run +album\/order-1\nstate +completed\n/);
    expect(stdout).toMatch(/^title +done +•$/m);
    expect(stdout).toMatch(/^cover +done +\d\.\d s +\d\.\d s .*█.* \$0\.01$/m);
    expect(stdout).toMatch(/^map\[1\]\/acme\/echo +done .*█.* \$0\.01$/m);
    expect(stdout).toMatch(/^total +\$0\.03$/m);
  }
  await albums.finished("order-2");
  expect(await albums.cli("runs", "show", "order-")).toMatchObject({
    code: 2,
    stderr: 'error: "order-" may be album/order-2, album/order-1. Give more of it.\n',
  });
  expect((await albums.cli("runs", "show", "else")).stderr).toContain('No run in the store is "else".');
  const { steps } = await albums.shown("order-2");
  expect(steps.map((step: { scope: string; name: string }) => `${step.scope}/${step.name}`)).toEqual([
    "/title",
    "/cover",
    "map[0]/acme/echo",
    "map[1]/acme/echo",
  ]);
});

test("cancels and forgets runs, and says what cannot be", async () => {
  await albums.losing("lost");
  expect((await albums.cli("runs", "forget", "lost")).code).toBe(1);
  expect(await albums.cli("runs", "cancel", "lost", "--reason", "no longer wanted")).toMatchObject({
    code: 0,
    stderr: "The run album/lost is cancelled.\n",
  });
  expect((await albums.shown("lost")).state).toBe("cancelled");
  expect(await albums.cli("runs", "cancel", "album/lost")).toMatchObject({ code: 0 });
  expect(await albums.cli("runs", "forget", "lost")).toMatchObject({ code: 0 });
  expect((await albums.cli("runs")).stdout).toBe("No such runs are in the store.\n");
  // What was paid stays known.
  const store = sqliteStore(String(albums.env["FAL_CHAIN_STORE"]));
  expect(await store.calls.list({ run: "lost" })).toHaveLength(3);
  await store.close();
});

test("a run that was left is shown as interrupted, with what goes on with it", async () => {
  await albums.finished("order-1");
  const store = sqliteStore(String(albums.env["FAL_CHAIN_STORE"]));
  const owner = { host: "elsewhere", boot: "", pid: 1, started: "" };
  const claim = {
    chain: "album",
    id: "it's",
    input: '{"names":[]}',
    tags: {},
    owner,
    leaseMs: 1,
    at: Date.now(),
  };
  const { run } = await store.runs.claim(claim);
  await store.runs.release({ chain: "album", run: "it's", epoch: run.epoch });
  await store.close();
  expect((await albums.cli("runs", "--state", "interrupted")).stdout).toMatch(/^album\/it's +interrupted/m);
  expect((await albums.cli("runs", "--state", "running")).stdout).toBe("No such runs are in the store.\n");
  expect((await albums.cli("runs", "show", "it's")).stdout).toContain(
    "fal-chain runs resume 'album/it'\\''s' --load ./chains.ts\n",
  );
});

test("settles all blocked runs alike, which are shown first", async () => {
  for (const id of ["lost-1", "lost-2"]) await albums.losing(id);
  await albums.finished("order-1");
  const jobs = albums.emulator.jobs.length;

  const shown = await albums.cli("runs", "settle", "--all", "--resubmit");
  expect(shown).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("2 submits of 2 blocked runs. Nothing is settled yet: add --yes"),
  });
  expect(shown.stdout).toMatch(
    /^album\/lost-2 {2}acme\/echo {2}acme\/echo {2}\d{4}-.*\nalbum\/lost-1 {2}acme\/echo .*\n$/,
  );
  expect((await albums.shown("lost-1")).state).toBe("blocked");
  expect(
    JSON.parse((await albums.cli("runs", "settle", "--all", "--resubmit", "--json")).stdout),
  ).toMatchObject([{ state: "ambiguous" }, { state: "ambiguous" }]);
  expect((await albums.cli("runs", "settle", "--all", "--resubmit", "--chain", "other")).stderr).toContain(
    "No blocked run",
  );

  expect(await albums.cli("runs", "settle", "--all", "--resubmit", "--yes")).toMatchObject({
    code: 0,
    stderr: "2 submits of 2 blocked runs: settled. Resume or start the runs to go on with them.\n",
  });
  // Nothing is sent before a run is resumed.
  expect(albums.emulator.jobs).toHaveLength(jobs);
  expect((await albums.cli("runs", "settle", "--all", "--give-up", "--yes")).stderr).toBe(
    "No blocked run is left to settle.\n",
  );
  for (const wrong of [
    ["--all"],
    ["--all", "--adopt", "r1"],
    ["--give-up"],
    ["lost-1", "--give-up", "--yes"],
  ]) {
    expect(await albums.cli("runs", "settle", ...wrong)).toMatchObject({ code: 2 });
  }
});
