import assert from "node:assert/strict";
import { after, test } from "node:test";
import { emulatorEnv, serveEmulator } from "fal-chain/emulator";
import app from "./ads.ts";

const { emulator, url, close } = await serveEmulator({ timeScale: 0.05 });
Object.assign(process.env, emulatorEnv(url), { FAL_CHAIN_STORE: "memory" });
after(close);

const post = (path: string, body: object) =>
  app.fetch(new Request(`http://app${path}`, { method: "POST", body: JSON.stringify(body) }));

test("a prompt becomes a picture, a large one and a cut-out, charged with what they cost and a fifth", async () => {
  const reply = await post("/", { prompt: "a fox" });
  const ad = (await reply.json()) as Record<string, string>;
  assert.deepEqual(Object.keys(ad), ["picture", "large", "cutout"]);
  for (const file of Object.values(ad))
    assert.equal((await fetch(file)).headers.get("content-type")?.split("/")[0], "image");
  assert.equal(emulator.jobs.length, 3);
  assert.ok(Number(reply.headers.get("x-fal-billable-units")) > 0);
});

test("the status of each step comes as it goes, and the ad at the end", async () => {
  const events =
    (await (await post("/stream", { prompt: "a lighthouse" })).text()).match(/^data: .*$/gm) ?? [];
  const told = events.map((line) => JSON.parse(line.slice("data: ".length)));
  const completed = told.filter(({ status }) => status === "completed").map(({ step }) => step);
  assert.deepEqual([completed[0], completed.slice(1).sort()], ["picture", ["cutout", "large"]]);
  assert.ok(told.at(-1).cutout.startsWith(url));
});

test("what is no brief is refused, and costs nothing", async () => {
  const reply = await post("/", {});
  assert.deepEqual([reply.status, reply.headers.get("x-fal-billable-units")], [422, "0"]);
});
