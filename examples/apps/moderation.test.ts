import assert from "node:assert/strict";
import { after, test } from "node:test";
import { emulatorEnv, serveEmulator } from "fal-chain/emulator";
import app from "./moderation.ts";

const { emulator, url, close } = await serveEmulator({ timeScale: 0.05 });
Object.assign(process.env, emulatorEnv(url), { FAL_CHAIN_STORE: "memory" });
after(close);

const post = (prompt: string) =>
  app.fetch(new Request("http://app/", { method: "POST", body: JSON.stringify({ prompt }) }));

test("where the better model cannot answer, the next one does", async () => {
  const reply = await post("a fox");
  assert.equal(reply.status, 200);
  const { model, url } = (await reply.json()) as { model: string; url: string };
  assert.equal(model, "fal-ai/flux/schnell");
  assert.equal((await fetch(url)).status, 200);
});

test("a prompt that is not allowed is refused before anything is paid", async () => {
  const before = emulator.jobs.length;
  const reply = await post("a nude fox");
  const { detail } = (await reply.json()) as { detail: { loc: string[]; type: string }[] };
  assert.deepEqual([detail[0]?.loc, detail[0]?.type], [["body", "prompt"], "content_policy_violation"]);
  assert.deepEqual([reply.status, reply.headers.get("x-fal-billable-units")], [422, "0"]);
  assert.equal(emulator.jobs.length, before);
});
