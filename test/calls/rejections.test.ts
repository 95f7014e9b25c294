import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

/** Runs code in a process of its own and tells what was left unhandled in it. */
async function unhandledIn(code: string): Promise<string[]> {
  const program = `
    import { createFal } from "fal-chain";
    const unhandled = [];
    process.on("unhandledRejection", (error) => unhandled.push(error.name));
    const fal = createFal({ env: { FAL_KEY: "a:b" }, fetch: async () => Response.json({ detail: "no" }, { status: 401 }) });
    const chain = fal.chain("broken", async () => { throw new RangeError("no"); });
    const call = () => fal.subscribe("acme/echo", { input: {} });
    const settle = async () => { for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve)); };
    ${code}
    await settle();
    console.log(JSON.stringify(unhandled));
  `;
  const flags = [
    "--conditions=fal-chain-source",
    "--disable-warning=ExperimentalWarning",
    "--input-type=module",
  ];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "-e", program]);
  return JSON.parse(stdout);
}

describe.concurrent("an unhandled rejection", () => {
  test.each([
    ["a bare call that nobody awaits", "call();", ["ApiError"]],
    ["a call of which only the submission is looked at", "call().submitted.catch(() => {});", ["ApiError"]],
  ])("is raised for %s", async (_, code, expected) => {
    expect(await unhandledIn(code)).toEqual(expected);
  });

  test.each([
    ["a call that is awaited", "await call().catch(() => {});"],
    ["a call with a loop", "try { for await (const _ of call()); } catch {}"],
    ["a call whose loop was left", "const it = call()[Symbol.asyncIterator](); await it.return();"],
    [
      "a call's submission beside the awaited call",
      "const c = call(); c.submitted; await c.catch(() => {});",
    ],
    ["a cancelled call with a loop", "const c = call(); c[Symbol.asyncIterator](); await c.cancel();"],
    ["a run that nobody awaits", "chain.start();"],
    ["a run with a loop that was left", "for await (const _ of chain.start()) break;"],
    ["a run that is cancelled", "await fal.chain('x', () => new Promise(() => {})).start().cancel();"],
    ["a run's total", "await chain.start().total;"],
  ])("is not raised for %s", async (_, code) => {
    expect(await unhandledIn(code)).toEqual([]);
  });
});
