import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";

const RAISED: [string, string][] = [
  ["a bare call that nobody awaits", "call();"],
  ["a call of which only the submission is looked at", "call().submitted.catch(() => {});"],
];
const NOT_RAISED: [string, string][] = [
  ["a call that is awaited", "await call().catch(() => {});"],
  ["a call with a loop", "try { for await (const _ of call()); } catch {}"],
  ["a call whose loop was left", "const it = call()[Symbol.asyncIterator](); await it.return();"],
  ["a call's submission beside the awaited call", "const c = call(); c.submitted; await c.catch(() => {});"],
  ["a cancelled call with a loop", "const c = call(); c[Symbol.asyncIterator](); await c.cancel();"],
  ["a run that nobody awaits", "chain.start();"],
  ["a run with a loop that was left", "for await (const _ of chain.start()) break;"],
  ["a run that is cancelled", "await fal.chain('x', () => new Promise(() => {})).start().cancel();"],
  [
    "a run that is cancelled before it starts",
    "chain.start(undefined, { abortSignal: AbortSignal.abort() });",
  ],
  ["a run's total", "await chain.start().total;"],
];

/** Runs each piece of code in a process without a test runner, and tells what it left unhandled. */
async function unhandledBy(pieces: readonly string[]): Promise<string[][]> {
  const program = `
    import { createFal } from "fal-chain";
    let unhandled = [];
    process.on("unhandledRejection", (error) => unhandled.push(error.name));
    const no = async () => Response.json({ detail: "no" }, { status: 401 });
    const fal = createFal({ env: { FAL_KEY: "a:b" }, fetch: no });
    const chain = fal.chain("broken", async () => { throw new RangeError("no"); });
    const call = () => fal.subscribe("acme/echo", { input: {} });
    const said = [];
    for (const piece of [${pieces.map((code) => `async () => { ${code} }`).join(",\n")}]) {
      unhandled = [];
      await piece();
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
      said.push(unhandled);
    }
    console.log(JSON.stringify(said));
  `;
  const flags = [
    "--conditions=fal-chain-source",
    "--disable-warning=ExperimentalWarning",
    "--input-type=module",
  ];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "-e", program]);
  return JSON.parse(stdout);
}

describe("an unhandled rejection", () => {
  let said: string[][] = [];
  beforeAll(async () => {
    said = await unhandledBy([...RAISED, ...NOT_RAISED].map(([, code]) => code));
  });

  test.each(RAISED.map(([name], index) => [name, index] as const))("is raised for %s", (_, index) => {
    expect(said[index]).toEqual(["ApiError"]);
  });

  test.each(NOT_RAISED.map(([name], index) => [name, index] as const))("is not raised for %s", (_, index) => {
    expect(said[RAISED.length + index]).toEqual([]);
  });
});
