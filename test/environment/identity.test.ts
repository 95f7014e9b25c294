import { inspectEnvironment, readEnvironment } from "fal-chain";
import { expect, test } from "vitest";
import { printed } from "../support/printed.ts";
import { ECHO, KEY, SECRET, setup } from "../support/setup.ts";

const RUNNER = {
  FAL_KEY: KEY,
  FAL_JOB_ID: "job-1",
  FAL_APP_NAME: "poster",
  FAL_APP_ID: "app-1",
  FAL_USER_NICKNAME: "acme",
  FAL_REGION: "us-east",
  FAL_RUNNER_STATE: "RUNNING",
  HF_HOME: "/data/.cache/huggingface",
};

test("a runner's identity is read as fal injects it", () => {
  const { identity, runnerState, hfHome } = readEnvironment(RUNNER);
  expect({ ...identity, runnerState, hfHome }).toEqual({
    jobId: "job-1",
    appName: "poster",
    appId: "app-1",
    userNickname: "acme",
    region: "us-east",
    runnerState: "RUNNING",
    hfHome: "/data/.cache/huggingface",
  });
});

test("outside a runner nothing is invented, and empty counts as unset", () => {
  const { identity, runnerState, hfHome } = readEnvironment({ FAL_JOB_ID: "", FAL_REGION: "  " });
  expect([...Object.values(identity), runnerState, hfHome]).toEqual(Array(7).fill(undefined));
});

test.each([
  ["FAL_RUNNER_STATE", "STARTING", /not SETUP, RUNNING or TERMINATING.*leave it unset/],
  ["HF_HOME", "relative/path", /not an absolute path.*\/data\/\.cache\/huggingface/],
  ["FAL_JOB_ID", "a\nb", /control characters.*Correct it/],
  ["FAL_REGION", "a\u0000b", /control characters/],
])("a bad %s is named, with its fault and the cure", (variable, value, fault) => {
  const environment = readEnvironment({ [variable]: value });
  const read = () => [environment.runnerState, environment.hfHome, environment.identity];
  expect(read).toThrow(fault);
  expect(read).toThrow(expect.objectContaining({ name: "EnvironmentError", variable }));
});

test("a bad variable stops only who needs it", () => {
  const environment = readEnvironment({ ...RUNNER, HF_HOME: "nowhere", FAL_HOST: "ftp://x" });
  expect(environment.key.source).toBe("FAL_KEY");
  expect(environment.identity.jobId).toBe("job-1");
  expect(() => environment.origins).toThrow("FAL_HOST");
});

test("a bad job id is the rejection of a call, not an exception out of subscribe", async () => {
  const { fal, sent } = setup({ env: { ...RUNNER, FAL_JOB_ID: "a\u0001b" } });
  const call = fal.subscribe(ECHO, { input: {} });
  await expect(call).rejects.toThrow("FAL_JOB_ID");
  expect(sent).toEqual([]);
});

test("the inspection tells each variable's state and prints no secret", () => {
  const { findings, ready, origins } = inspectEnvironment({ ...RUNNER, HF_HOME: "nowhere", FAL_HOST: "" });
  expect(ready).toBe(true);
  expect(origins?.queue).toBe("https://queue.fal.run");
  const states = Object.fromEntries(findings.map(({ variable, state }) => [variable, state]));
  expect(states).toMatchObject({
    FAL_KEY: "set",
    FAL_KEY_ID: "unset",
    HF_HOME: "invalid",
    FAL_HOST: "unset",
  });
  expect(printed(findings)).not.toContain(SECRET);
});

test.each([
  [{}, "FAL_KEY"],
  [{ FAL_KEY: SECRET }, "FAL_KEY"],
  [{ FAL_KEY_SECRET: SECRET }, "FAL_KEY_ID"],
  [{ FAL_KEY: KEY, FAL_HOST: "nonsense" }, "FAL_HOST"],
])("the inspection of %o is not ready and says why at %s", (env, variable) => {
  const { findings, ready } = inspectEnvironment(env);
  expect(ready).toBe(false);
  expect(findings.find((finding) => finding.variable === variable)?.problem).toContain(variable);
  expect(printed(findings)).not.toContain(SECRET);
});
