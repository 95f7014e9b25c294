import { resolve } from "node:path";
import { shellWord } from "../../base/text.ts";
import { checkProject } from "../../shipping/check.ts";
import type { Finding } from "../../shipping/finding.ts";
import { EXIT, paint, printable, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";

/** Says what fal would refuse of a project. */
export async function checkHere(
  { stdout, cwd }: Io,
  path: string,
  { json }: { readonly json?: boolean },
): Promise<number> {
  const { apps, findings } = await checkProject(resolve(cwd(), path));
  const errors = findings.filter(({ level }) => level === "error").length;
  if (json) stdout.write(`${printableJson({ apps, findings })}\n`);
  else {
    for (const finding of findings) stdout.write(inWords(finding, paint(stdout)));
    stdout.write(errors === 0 ? ready(apps) : `${errors} ${errors === 1 ? "error" : "errors"}.\n`);
  }
  return errors === 0 ? EXIT.ok : EXIT.failed;
}

function inWords({ level, file, line, text }: Finding, colour: ReturnType<typeof paint>): string {
  const [first = "", ...rest] = text.split("\n").map((part) => printable(part));
  const where = line === undefined ? file : `${file}:${line}`;
  const label = colour(level === "error" ? "red" : "yellow", level);
  return [`${label} ${printable(where)}: ${first}`, ...rest.map((more) => `  ${more}`), ""].join("\n");
}

const ready = (apps: readonly string[]): string =>
  `Nothing that fal would refuse was found. Deploy with: ${apps.map((app) => `fal deploy ${shellWord(app)}`).join("; ")}\n`;
