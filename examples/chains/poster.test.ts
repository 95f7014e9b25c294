import assert from "node:assert/strict";
import { test } from "node:test";
import { falFor } from "fal-chain/testing";
import { posterOf } from "./poster.ts";

const fox = { prompt: "a fox", image_size: "square" } as const;

test("a poster is a picture, its upscale and its cut-out, each paid once", async (t) => {
  const { fal, emulator } = falFor(t);
  const { picture, large, cutout } = await posterOf(fal).start(fox, { id: "order-7" });
  assert.equal(new Set([picture, large, cutout]).size, 3);
  emulator.expectBilledOnce();
  emulator.expectNothingUnderWay();
});

test("a poster that was killed goes on, and pays for nothing again", async (t) => {
  const made = falFor(t);
  void posterOf(made.fal).start(fox, { id: "order-7" });
  await made.clock.sleep(3_000);
  assert.ok(made.emulator.jobs.length > 0);
  const { cutout } = await posterOf(made.crash()).resume("order-7");
  assert.ok(cutout);
  assert.equal(made.emulator.jobs.length, 3);
  made.emulator.expectBilledOnce();
});

test("a poster whose upscale fails says so", async (t) => {
  const { fal, emulator } = falFor(t);
  emulator.faults.make("esrgan fail once");
  await assert.rejects(async () => await posterOf(fal).start(fox, { id: "order-7" }), /esrgan/);
});
