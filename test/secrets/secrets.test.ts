import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { secretsFile } from "../../src/secrets/file.ts";
import { secretsFor, setSecrets, unsetSecret } from "../../src/secrets/secrets.ts";
import { tempDir } from "../support/temp.ts";

const setup = () => ({ FAL_CHAIN_SECRETS: join(tempDir(), "secrets.json") });

test("an app gets what it lists, or what is exposed by default", async () => {
  const env = setup();
  await setSecrets(env, { PLAIN: "p" });
  await setSecrets(env, { SHOWN: "s" }, { exposed: true });
  await setSecrets(env, { HIDDEN: "h" }, { exposed: false });
  await setSecrets(env, { PLAIN: "staging" }, { environment: "staging" });

  expect(secretsFor(env)).toEqual({ PLAIN: "p", SHOWN: "s" });
  expect(secretsFor(env, { names: ["HIDDEN", "MISSING"] })).toEqual({ HIDDEN: "h" });
  expect(secretsFor(env, { names: [] })).toEqual({});
  expect(secretsFor(env, { environment: "staging" })).toEqual({ PLAIN: "staging" });
  expect(secretsFor({ ...env, FAL_ENV: "staging" })).toEqual({ PLAIN: "staging" });
  expect(secretsFor(env, { environment: "nowhere" })).toEqual({});
});

test("reading makes no file, and by default it is among the user's data", () => {
  const home = tempDir();
  const env = { XDG_DATA_HOME: home };
  expect(secretsFile(env)).toBe(join(home, "fal-chain", "secrets.json"));
  expect(secretsFor(env)).toEqual({});
  expect(existsSync(join(home, "fal-chain"))).toBe(false);
});

/** Time that passes only where somebody waits, and what happens meanwhile. */
const waiting = (meanwhile: () => void = () => {}) => {
  let now = 0;
  return {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
      meanwhile();
    },
  };
};

test("whoever changes the file at the same time is waited for, and its change is kept", async () => {
  const env = setup();
  const next = `${env.FAL_CHAIN_SECRETS}.new`;
  writeFileSync(next, "half of it");
  const meanwhile = () => {
    rmSync(next, { force: true });
    const theirs = { value: "theirs", createdAt: new Date(0).toISOString() };
    writeFileSync(env.FAL_CHAIN_SECRETS, JSON.stringify({ main: { THEIRS: theirs } }), { mode: 0o600 });
  };
  await setSecrets(env, { OURS: "ours" }, { clock: waiting(meanwhile) });
  expect(secretsFor(env)).toEqual({ THEIRS: "theirs", OURS: "ours" });
  expect(existsSync(next)).toBe(false);
});

test("a command that was killed is not waited for endlessly, and what it left is named", async () => {
  const env = setup();
  await setSecrets(env, { OURS: "ours" });
  const before = readFileSync(env.FAL_CHAIN_SECRETS, "utf8");
  writeFileSync(`${env.FAL_CHAIN_SECRETS}.new`, "half of it");
  const change = unsetSecret(env, "OURS", { clock: waiting() });
  await expect(change).rejects.toThrow(`If none is: rm ${env.FAL_CHAIN_SECRETS}.new`);
  expect(readFileSync(env.FAL_CHAIN_SECRETS, "utf8")).toBe(before);
});

test("whatever the umask, the file is this user's from its first byte", async () => {
  const before = process.umask(0);
  try {
    const env = setup();
    await setSecrets(env, { TOKEN: "x" });
    await setSecrets(env, { TOKEN: "y" });
    expect(statSync(env.FAL_CHAIN_SECRETS).mode & 0o777).toBe(0o600);
  } finally {
    process.umask(before);
  }
});
