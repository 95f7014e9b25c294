import { runnerOf } from "fal-chain/app";
import { expect, test } from "vitest";

test("outside of fal nothing is known of a runner, and caches are this user's", () => {
  const runner = runnerOf({ HOME: "/home/ann" });
  expect(runner).toMatchObject({
    ...{ jobId: undefined, app: undefined, appId: undefined, owner: undefined, region: undefined },
    ...{ state: undefined, isOnFal: false, host: "api.fal.ai" },
    dataDir: "/home/ann/.local/share/fal-chain/data",
    cacheDir: "/home/ann/.local/share/fal-chain/data/.cache/huggingface",
  });
});

test("in a runner it is what fal injects, read when it is asked for", () => {
  const env: Record<string, string> = {
    FAL_JOB_ID: "job-1",
    FAL_APP_NAME: "acme/poster",
    FAL_APP_ID: "app-1",
    FAL_USER_NICKNAME: "acme",
    FAL_REGION: "eu-north",
    FAL_HOST: "api.alpha.fal.ai",
    HF_HOME: "/data/.cache/huggingface",
  };
  const runner = runnerOf(env);
  expect(runner).toMatchObject({
    ...{ jobId: "job-1", app: "acme/poster", appId: "app-1", owner: "acme", region: "eu-north" },
    ...{ host: "api.alpha.fal.ai", isOnFal: true, dataDir: "/data", cacheDir: "/data/.cache/huggingface" },
  });
  expect(runner.cacheDirFor("transformers")).toBe("/data/.cache/transformers");
  expect(runner.cacheEnv()).toMatchObject({
    HF_HOME: "/data/.cache/huggingface",
    TORCH_HOME: "/data/.cache/torch",
  });
  env["FAL_RUNNER_STATE"] = "TERMINATING";
  expect(runner.state).toBe("TERMINATING");
  env["FAL_CHAIN_DATA"] = "/tmp/stand-in";
  expect(runner.dataDir).toBe("/tmp/stand-in");
  expect(runnerOf({ HF_HOME: "relative" }).jobId).toBeUndefined();
  expect(() => runnerOf({ HF_HOME: "relative" }).cacheDir).toThrow(/HF_HOME is not an absolute path/);
});
