import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

/** A process of its own, whose environment throws on whatever of ours is read. */
const inPoisonedProcess = (code: string): string =>
  execFileSync(
    process.execPath,
    [
      "--conditions=fal-chain-source",
      "--disable-warning=ExperimentalWarning",
      "--input-type=module",
      "-e",
      `
      const poison = (name) => { if (/^(FAL_|HF_)/.test(String(name))) throw new Error("read " + String(name)); };
      Object.defineProperty(process, "env", { value: new Proxy({}, {
        get: (_, name) => poison(name), has: (_, name) => poison(name), ownKeys: () => poison("FAL_*"),
      }) });
      globalThis.fetch = () => { throw new Error("fetched"); };
      ${code}`,
    ],
    { encoding: "utf8" },
  );

test("nothing is read at import, nor when a client or a chain is made; a call reads", () => {
  const said = inPoisonedProcess(`
    const { fal, createFal } = await import("fal-chain");
    const client = createFal({ retry: { maxRetries: 0 } });
    client.config({ logger: { warn() {} } });
    fal.chain("poster", async () => {});
    fal.endpoint("a/b", { input: {}, output: {} });
    fal.withTags({ a: 1 }, () => {});
    console.log("quiet");
    await client.subscribe("acme/echo", { input: {} }).catch((error) => console.log(error.message));
    await fal.queue.submit("acme/echo", { input: {} }).catch((error) => console.log(error.message));
  `);
  expect(said.trim().split("\n")).toEqual([
    "quiet",
    expect.stringContaining("read FAL_"),
    expect.stringContaining("read FAL_"),
  ]);
});
