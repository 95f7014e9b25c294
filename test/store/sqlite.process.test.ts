import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { tempDir } from "../support/temp.ts";

function child(script: string, ...args: string[]) {
  const file = join(import.meta.dirname, "children", script);
  const process_ = spawn(process.execPath, ["--conditions=fal-chain-source", file, ...args]);
  onTestFinished(() => void process_.kill("SIGKILL"));
  const said = { stdout: "", stderr: "" };
  process_.stdout.on("data", (text) => {
    said.stdout += text;
  });
  process_.stderr.on("data", (text) => {
    said.stderr += text;
  });
  return { process: process_, said, ended: once(process_, "close") };
}

test("processes that share a file never own a run or a request twice, nor overshoot a budget", async () => {
  const path = join(tempDir(), "store.db");
  const rounds = 80;
  const racers = Array.from({ length: 3 }, () => child("racer.ts", path, `${rounds}`));
  await Promise.all(racers.map(({ ended }) => ended));
  expect(racers.map(({ said }) => said.stderr)).toEqual(["", "", ""]);

  const given = racers.map(({ said }) => JSON.parse(said.stdout));
  const all = (what: "runs" | "requests") => given.flatMap((one) => one[what]).sort();
  const each = (prefix: string) => Array.from({ length: rounds }, (_, n) => `${prefix}${n}`).sort();
  expect(all("runs")).toEqual(each(""));
  expect(all("requests")).toEqual(each("r"));
  expect(given.reduce((sum, { reserved }) => sum + reserved, 0)).toBe(rounds);
}, 30_000);

test("a process that is killed while it writes loses nothing that was acknowledged", async () => {
  const path = join(tempDir(), "store.db");
  const writer = child("writer.ts", path);
  while (writer.said.stdout.split("\n").length < 100) await once(writer.process.stdout, "data");
  writer.process.kill("SIGKILL");
  await writer.ended;
  const acknowledged = writer.said.stdout.split("\n").slice(0, -1);

  const store = sqliteStore(path);
  onTestFinished(() => store.close());
  const kept = new Map((await store.calls.list({ limit: 1_000_000 })).map((call) => [call.id, call]));
  for (const id of acknowledged) expect(kept.get(id)).toMatchObject({ state: "completed" });
  expect(kept.size - acknowledged.length).toBeLessThanOrEqual(1);

  const db = new DatabaseSync(path);
  onTestFinished(() => db.close());
  expect(db.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
  const { charged, reserved } = db.prepare("select charged, reserved from budgets").get() ?? {};
  const costs = [...kept.values()].filter(({ cost }) => cost).length;
  expect([charged, reserved]).toEqual([costs * 3, (kept.size - costs) * 5]);
}, 30_000);
