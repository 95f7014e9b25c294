import { createFalClient } from "@fal-ai/client";
import { createFal } from "fal-chain";
import { createEmulator } from "fal-chain/emulator";
import { falHandlers } from "fal-chain/testing";
import { setupServer } from "msw/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, ENV, KEY } from "../support/setup.ts";

const emulator = createEmulator({ timeScale: 0, models: [echo()] });
const server = setupServer(...falHandlers(emulator));
beforeAll(() => server.listen({ onUnhandledFrame: "error" }));
afterAll(async () => {
  server.close();
  await emulator.close();
});

test("handlers answer for all of fal's hosts, whichever client asks", async () => {
  const ours = createFal({ env: ENV });
  const official = createFalClient({ credentials: KEY });
  expect((await ours.subscribe(ECHO, { input: { n: 1 } })).data).toEqual({ echo: { n: 1 } });
  expect((await official.subscribe(ECHO, { input: { n: 2 }, pollInterval: 1 })).data).toEqual({
    echo: { n: 2 },
  });
  const url = await ours.storage.upload(new Blob(["a file"], { type: "image/png" }));
  expect(await (await fetch(url)).text()).toBe("a file");
  emulator.expectBilledOnce({ n: 1 }, ECHO);
  emulator.expectBilledOnce({ n: 2 }, ECHO);
  await ours.close();
});
