import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { tempDir } from "../support/temp.ts";
import { hostileStore, NASTY } from "./hostile.ts";

/** Hands each command's words to whoever is called fal-chain. */
const wordsOf = (line: string): string[] =>
  execFileSync("bash", ["-c", `fal-chain() { printf '%s\\0' "$@"; }; ${line}`], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C.UTF-8" },
  })
    .split("\0")
    .slice(0, -1);

test.each(["order 1", "it's", "$(touch /tmp/owned)", "a\nb", "-rf", "--load", NASTY, "a  b ".repeat(60)])(
  "the commands that are offered for the run %j mean that run, in a shell",
  async (id) => {
    const file = join(tempDir(), "store.db");
    await hostileStore(file, id);
    const env = { FAL_KEY: "k3y-id-0a1b2c:s3cr3t", FAL_CHAIN_STORE: file };
    const { stdout } = await command(main, ["runs", "show", id.startsWith("-") ? `p${NASTY}/${id}` : id], {
      env,
    });
    const offered = stdout.split("\n").filter((line) => /^ +fal-chain /.test(line));
    expect(offered).toHaveLength(4);
    const all = offered.map((line) => wordsOf(line.trim()));
    for (const [, , name] of all) expect(name).toBe(`p${NASTY}/${id}`);
    expect(all[0]?.slice(3)).toEqual(["--adopt", `r2${NASTY}`]);
    expect(all.at(-1)?.slice(3)).toEqual(["--load", "./chains.ts"]);
  },
);
