import assert from "node:assert/strict";
import { after, test } from "node:test";
import { emulatorEnv, inProcess, serveEmulator } from "fal-chain/emulator";
import ads from "./ads.ts";
import app from "./router.ts";

const apps = [{ id: "me/ads", start: inProcess(ads.fetch) }];
const { emulator, url, close } = await serveEmulator({ timeScale: 0.05, apps });
Object.assign(process.env, emulatorEnv(url), { FAL_CHAIN_STORE: "memory" });
after(close);

const post = async (order: object) => {
  const reply = await app.fetch(new Request("http://app/", { method: "POST", body: JSON.stringify(order) }));
  return { status: reply.status, ...((await reply.json()) as { urls?: string[] }) };
};

test("an ad is made by the app for it", async () => {
  const { urls } = await post({ kind: "ad", prompt: "a fox" });
  assert.equal(urls?.length, 3);
  const called = emulator.jobs.map(({ endpoint }) => endpoint);
  assert.deepEqual(called.slice(0, 2), ["me/ads", "fal-ai/flux/schnell"]);
  assert.equal(called.length, 4);
});

test("a picture is made by the model itself", async () => {
  const { urls } = await post({ kind: "picture", prompt: "a fox" });
  assert.equal(urls?.length, 1);
  assert.equal(emulator.jobs.at(-1)?.endpoint, "fal-ai/flux/schnell");
});

test("what is neither is refused", async () => {
  assert.equal((await post({ kind: "film", prompt: "a fox" })).status, 422);
});
