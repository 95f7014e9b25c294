import { spawn } from "node:child_process";
import { once } from "node:events";
import { type EmulatorServer, serveEmulator } from "fal-chain/emulator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, KEY } from "../support/setup.ts";

// Nothing of ours keeps a program alive that is done.

let server: EmulatorServer;
beforeAll(async () => {
  server = await serveEmulator({ models: [echo({ seconds: 0.1 })] });
});
afterAll(() => server.close());

/** Runs a program to its end, and tells how long it lived after it said that it was done, in milliseconds. */
async function livesOnFor(code: string): Promise<number> {
  const program = `
    import { createFal, fal } from "fal-chain";
    ${code}
    console.log("done");
  `;
  const flags = [
    "--conditions=fal-chain-source",
    "--disable-warning=ExperimentalWarning",
    "--input-type=module",
  ];
  const env = { ...process.env, FAL_KEY: KEY, FAL_HOST: server.url };
  const child = spawn(process.execPath, [...flags, "-e", program], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let doneAt = Number.NaN;
  child.stdout.on("data", (text: Buffer) => {
    if (String(text).includes("done")) doneAt = Date.now();
  });
  const [status] = await once(child, "exit");
  expect(status).toBe(0);
  return Date.now() - doneAt;
}

const CALL = `fal.subscribe(${JSON.stringify(ECHO)}, { input: { a: 1 } })`;

const PROGRAMS = {
  "a call": `await ${CALL};`,
  "calls at once": `await Promise.all([${CALL}, ${CALL}, ${CALL}]);`,
  "the queue, step by step": `
    const { request_id: requestId } = await fal.queue.submit(${JSON.stringify(ECHO)}, { input: {} });
    await fal.queue.subscribeToStatus(${JSON.stringify(ECHO)}, { requestId });
    await fal.queue.result(${JSON.stringify(ECHO)}, { requestId });`,
  "a run": `await fal.chain("one", async () => (await ${CALL}).data).start();`,
  "a call, and closing": `await ${CALL}; await fal.close();`,
};

describe.each([
  ["answers", undefined, ["a call"]],
  ["is away", "503", ["a call"]],
  ["hangs", "slow-headers; ms=30000", Object.keys(PROGRAMS)],
] as const)("where the price list %s", (_, fault, names) => {
  test.each(names)("%s", async (name) => {
    if (fault) server.emulator.faults.next("platform", fault, Number.POSITIVE_INFINITY);
    try {
      expect(await livesOnFor(PROGRAMS[name as keyof typeof PROGRAMS])).toBeLessThan(2_500);
    } finally {
      server.emulator.faults.clear();
    }
  });
});
