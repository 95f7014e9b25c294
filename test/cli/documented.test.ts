import { expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command } from "../support/cli.ts";
import { blocksOf } from "../support/pages.ts";

const lines = blocksOf("sh")
  .flatMap(({ code }) => code.split("\n"))
  .flatMap(
    (line) => /^(?:npx fal-chain|npm run -s fal-chain --|fal-chain) ([^#>]*)/.exec(line)?.[1]?.trim() ?? [],
  );

test.each([...new Set(lines)])("fal-chain %s is a command, with these options", async (line) => {
  const [own = ""] = line.split(" -- ");
  const words = own.split(" ");
  const path = words.slice(
    0,
    /^(calls|runs|secrets|costs)$/.test(words[0] ?? "") && /^[a-z]+$/.test(words[1] ?? "") ? 2 : 1,
  );
  // What is left out of `calls --state …` is the subcommand that lists.
  const listed = /^(calls|runs)$/.test(path.join(" ")) ? [...path, "list"] : path;
  const { code, stdout } = await command(main, [...listed, "--help"]);
  expect(code).toBe(0);
  expect(stdout).toContain(`Usage: fal-chain ${listed.join(" ")}`);
  const options: readonly string[] = stdout.match(/--[a-z-]+/g) ?? [];
  expect(own.match(/(?<=\s)--[a-z-]+/g)?.filter((option) => !options.includes(option)) ?? []).toEqual([]);
});
