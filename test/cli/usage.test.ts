import { expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";

/** Nothing listens there: whatever is sent is an error. */
const env = { FAL_KEY: "k3y-id-0a1b2c:s3cr3t", FAL_HOST: "http://127.0.0.1:1" };
const run = (...argv: string[]) => command(main, argv, { env });
const words = (stderr: string) => stderr.trimEnd();

test.each([
  "",
  "call",
  "calls",
  "calls settle",
  "calls rescue",
  "runs",
  "runs resume",
  "runs settle",
  "budgets",
  "env",
  "pull",
  "models",
  "schema",
  "secrets",
  "secrets set",
  "init",
  "check",
  "emulate",
])("%s --help has examples, and fits into 80 columns", async (verb) => {
  const { code, stdout, stderr } = await run(...verb.split(" ").filter(Boolean), "--help");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("Examples:\n  fal-chain ");
  for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
});

test("the exit codes are in the help, and without arguments it is shown", async () => {
  for (const code of [0, 1, 2, 3, 124, 130]) {
    expect((await run("--help")).stdout).toMatch(new RegExp(`^  ${code} +\\w`, "m"));
  }
  const { code, stderr } = await run();
  expect(code).toBe(2);
  expect(stderr).toContain("Usage: fal-chain");
});

test.each([
  [["cal"], "error: unknown command 'cal'\n(Did you mean call?)"],
  [["call"], "error: missing required argument 'endpoint'\n"],
  [
    ["call", "acme/echo", "--prompt", "a fox"],
    "error: unknown option '--prompt'\nFields of the input are written prompt=",
  ],
  [["call", "acme/echo", "prompt"], 'error: "prompt" is not a field of the input.'],
  [["call", "prompt=a fox"], "error: "],
  [["call", "acme/echo", "--tag", "Customer ID=acme"], 'Use "customer_id".'],
  [["call", "acme/echo", "--tag", "job_id=mine"], 'The tag "job_id" is set by the client itself'],
  [["call", "acme/echo", "--ambiguous-submit", "again"], 'ambiguousSubmit is "again"; it is one of look-up'],
  [
    ["call", "acme/echo", "--store", "mysql://x"],
    "FAL_CHAIN_STORE is not the name of a store. Give `memory`",
  ],
  [["calls", "--state", "lost"], '--state is "lost"; it is one of intended, submitted'],
  [["calls", "--since", "soon"], '"soon" is not a time. It reads 7d, 12h or 30m (ago), or 2026-11-24'],
  [["runs", "--since", "90"], '"90" is not a time.'],
  [["costs", "--until", "90"], '"90" is not a time.'],
  [["costs", "--reconcile", "--since", "90"], '"90" is not a time.'],
  [["calls", "--limit", "0"], '--limit is "0"; it is a whole number from 1 up.'],
  [["calls", "show", "3f2a"], 'No call in the store begins with "3f2a".'],
  [["runs", "--state", "lost"], '--state is "lost"; it is one of waiting, running, interrupted, blocked'],
  [["runs", "settle", "3f2a"], "Say one of --adopt REQUEST, --resubmit and --give-up."],
  [["runs", "resume", "3f2a"], "error: required option '--load <module>' not specified"],
  [["runs", "resume", "3f2a", "--load", "x.ts", "--on-diverge", "cry"], "--on-diverge is"],
  [["calls", "settle", "3f2a"], "Say one of --adopt REQUEST, --resubmit and --give-up."],
  [["calls", "settle", "3f2a", "--resubmit", "--give-up"], "Say one of --adopt"],
  [["call", "acme/echo", "--timeout", "soon"], 'error: "soon" is not a duration. It reads 90s, 5m or 500ms.'],
  [["emulate", "--port", "70000"], 'error: --port is "70000"; it is a whole number from 0 to 65535.'],
  [
    ["emulate", "--port", "0", "--", "no-such-program"],
    'error: "no-such-program" could not be started: there is no such program.',
  ],
])("%j is refused before anything is sent, with what to do", async (argv, said) => {
  const { code, stdout, stderr } = await run(...argv);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(said);
  expect(stderr).not.toContain("    at ");
});

test("without a key a call is one line that says how to get one, and how to do without", async () => {
  const env = { FAL_HOST: "http://127.0.0.1:1" };
  const { code, stdout, stderr } = await command(main, ["call", "acme/echo"], { env });
  expect([code, stdout]).toEqual([2, ""]);
  expect(words(stderr).split("\n")).toEqual([
    expect.stringMatching(
      /^error: FAL_KEY is not set\. .*export FAL_KEY=key_id:key_secret.*fal-chain emulate -- /,
    ),
  ]);
});

test("a key that is no key is said without printing it", async () => {
  const { code, stderr } = await command(main, ["call", "acme/echo"], { env: { FAL_KEY: "s3cr3t" } });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error: FAL_KEY has no colon, so its secret is missing\./);
  expect(stderr).not.toContain("s3cr3t");
});

test("env says what was found and what follows, and nothing of the secret", async () => {
  const { code, stdout } = await command(main, ["env"], {
    env: { ...env, FAL_JOB_ID: "job-7", FAL_REST_HOST: "https://rest.test" },
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ {2}FAL_KEY +k3y-id…:…$/m);
  expect(stdout).toMatch(/^ {2}FAL_JOB_ID +job-7$/m);
  expect(stdout).toMatch(/^ {2}queue +http:\/\/127\.0\.0\.1:1\/queue \(from FAL_HOST\)$/m);
  expect(stdout).toMatch(/^ {2}rest +https:\/\/rest\.test \(from FAL_REST_HOST\)$/m);
  expect(stdout).toMatch(/^ {2}key goes to +http:\/\/127\.0\.0\.1:1, https:\/\/rest\.test$/m);
  expect(stdout).toContain("A call can be made.");
  expect(stdout).not.toContain("s3cr3t");
});

test("env exits with 1 where a call could not be made, and says why and what to do", async () => {
  const without = await command(main, ["env"], { env: {} });
  expect(without.code).toBe(1);
  expect(without.stdout).toMatch(/FAL_KEY +is not set\. Set it to a key/);
  expect(without.stdout).toMatch(/^ {2}queue +https:\/\/queue\.fal\.run \(the default\)$/m);
  for (const line of without.stdout.split("\n")) {
    expect(line.length, line).toBeLessThanOrEqual(80);
    expect(line).toBe(line.trimEnd());
  }
  const wrong = await command(main, ["env", "--json"], { env: { ...env, FAL_HOST: "http://fal.test" } });
  expect(wrong.code).toBe(1);
  expect(JSON.parse(wrong.stdout)).toMatchObject({ ready: false, origins: [], trusted: [] });
  expect(wrong.stdout).toContain("plain http");
});
