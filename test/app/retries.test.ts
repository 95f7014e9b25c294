import { createFal, memoryStore } from "fal-chain";
import { defineApp } from "fal-chain/app";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import { sqliteStore } from "fal-chain/sqlite";
import { expect, onTestFinished, test, vi } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, ENV } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";
import { wireFetch } from "../support/wire.ts";
import { type Line, post, read, site } from "./support.ts";

/** Runners of one app, one after the other, with one store. */
function runners() {
  const clock = virtualClock({ auto: false });
  const emulator = createEmulator({ clock, models: [echo({ seconds: 60 })] });
  const store = sqliteStore(`${tempDir()}/calls.db`);
  onTestFinished(() => store.close());
  const start = (jobId: string) => {
    const log: Line[] = [];
    const warn = (details: object, msg: string) => void log.push({ level: "warn", msg, ...details });
    const fal = createFal({
      env: { ...ENV, FAL_JOB_ID: jobId, FAL_APP_NAME: "acme/poster", FAL_USER_NICKNAME: "acme" },
      ...{ clock, store, logger: { warn() {} } },
      fetch: wireFetch((request) => emulator.fetch(request), { clock }),
    });
    const stopped = { teardown: 0, exit: 0 };
    const app = defineApp({
      name: "poster",
      ...{ fal, logger: { warn } },
      endpoints: {
        "/": {
          async handler() {
            const first = await fal.subscribe(ECHO, { input: { n: 1 } });
            const second = await fal.subscribe(ECHO, { input: { n: 2 } });
            return [first.data, second.data];
          },
        },
      },
      handleExit: () => void stopped.exit++,
      teardown: () => void stopped.teardown++,
    });
    return { app, log, stopped };
  };
  return { clock, emulator, start };
}

test("a runner that ends lets go of its runs, and the next one pays nothing twice", async () => {
  const { clock, emulator, start } = runners();
  const headers = { "x-fal-request-id": "request-1" };
  const first = start("runner-1");
  const answer = post(first.app, "/", {}, { headers });
  await vi.waitFor(() => expect(emulator.jobs).toHaveLength(1));
  await first.app.stop();
  // fal tries it again.
  expect(await read(await answer)).toMatchObject({ status: 500, retry: "1" });
  expect(first.stopped).toEqual({ exit: 1, teardown: 1 });
  expect(emulator.jobs[0]?.cancelled).toBe(false);
  // What comes late is another one's.
  expect(await read(await post(first.app, "/", {}))).toMatchObject({ status: 500, retry: "1" });

  const second = post(start("runner-2").app, "/", {}, { headers });
  for (let n = 0; n < 20; n++) await clock.advance(30_000);
  expect(await read(await second)).toMatchObject({
    status: 200,
    body: [{ echo: { n: 1 } }, { echo: { n: 2 } }],
  });
  expect(emulator.jobs).toHaveLength(2);
});

test("an app says at its start that retries are not safe, once, and not where they are", async () => {
  const { app, log } = runners().start("runner-1");
  await app.start();
  expect(log).toEqual([]);

  const forgetful = site({ store: memoryStore() });
  const said: string[] = [];
  const warns = { warn: (_: object, message: string) => void said.push(message) };
  const endpoints = { "/": { handler: () => "done" } };
  const fal = createFal({
    env: ENV,
    fetch: (...args) => forgetful.emulator.fetch(new Request(...args)),
    logger: warns,
  });
  const other = defineApp({ name: "poster", fal, logger: warns, endpoints });
  for (let n = 0; n < 2; n++) expect((await post(other, "/", {})).status).toBe(200);
  expect(said).toEqual([expect.stringMatching(/^Retries are not safe.*FAL_CHAIN_STORE=postgres/)]);
});
