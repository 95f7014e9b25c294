import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { child, POSTER } from "../support/child.ts";
import { emulated } from "../support/cli.ts";

let platform: Awaited<ReturnType<typeof emulated>>;
const folders: string[] = [];
beforeAll(async () => {
  platform = await emulated();
});
afterAll(async () => {
  await platform.close();
  for (const folder of folders) await rm(folder, { recursive: true });
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "fal-chain-"));
  folders.push(path);
  return path;
}

const FILES = ["cutout.png", "large.png", "picture.jpg"];

// It draws, and without a key in another process: seconds, on a machine with nothing else to do.
describe.concurrent("the poster", { timeout: 60_000 }, () => {
  test("without a key says that the emulator stands in, and shows the tags that it received", async () => {
    const cwd = await folder();
    const { code, stdout, stderr } = await child(POSTER, [], { FAL_JOB_ID: "job-7" }, { cwd, haste: true })
      .ended;
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /^No FAL_KEY: the built-in emulator stands in for fal \(http:\/\/127\.0\.0\.1:\d+\)\.$/m,
    );
    expect(stdout.match(/^ {2}tags {5}job_id=job-7 {2}chain=poster {2}run=[\w-]+$/gm)).toHaveLength(3);
    expect(stdout).toContain("The tags are those that the emulator received.\n");
    expect((await readdir(join(cwd, "out"))).filter((name) => name !== ".fal-chain")).toEqual(FILES);
    // Nobody changes the colours of a pipe, and nobody leaves spaces behind.
    expect(stdout).not.toMatch(/\p{Cc}(?<!\n)| $/mu);
  });

  test("runs as it is where the environment says where fal is", async () => {
    const cwd = await folder();
    const env = { ...platform.env, FAL_JOB_ID: "job-8" };
    const { code, stdout } = await child(POSTER, ["a red", "kite"], env, { cwd }).ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain("emulator");
    expect(stdout).toContain("Saved out/picture.jpg, out/large.png, out/cutout.png\n");
    expect((await readdir(join(cwd, "out"))).filter((name) => name !== ".fal-chain")).toEqual(FILES);

    const jobs = platform.emulator.jobs.filter(({ tags }) => tags["job_id"] === "job-8");
    expect(jobs.map(({ endpoint }) => endpoint).sort()).toEqual([
      "fal-ai/birefnet/v2",
      "fal-ai/esrgan",
      "fal-ai/flux/schnell",
    ]);
    expect(new Set(jobs.map(({ tags }) => tags["run"])).size).toBe(1);
    expect(jobs[0]?.input).toMatchObject({ prompt: "a red kite" });
  });
});
