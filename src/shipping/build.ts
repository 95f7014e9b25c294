import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Finding, findingsOf } from "./finding.ts";

/** More of a compiler's or a program's words than anybody reads. */
const MOST_LINES = 20;

/** Longer than any import takes, in milliseconds. */
const IMPORT_MS = 15_000;

/** Checks the types of a project with the TypeScript that is installed in it. */
export async function checkTypes(directory: string): Promise<Finding[]> {
  if (!existsSync(join(directory, "tsconfig.json"))) return [];
  const { error, warning } = findingsOf("tsconfig.json");
  let compiler: string;
  try {
    const manifest = createRequire(join(directory, "package.json")).resolve("typescript/package.json");
    compiler = join(dirname(manifest), "bin", "tsc");
  } catch {
    return [warning("The types were not checked: TypeScript is not installed here (npm install).")];
  }
  const { code, output } = await run([compiler, "--noEmit", "--pretty", "false"], directory);
  return code === 0 ? [] : [error(`The types do not fit:\n${output}`)];
}

/**
 * Imports the program with nothing in its environment, as while an image is built: fal sets its variables, and secrets, only
 * when a runner starts.
 */
export async function checkImport(directory: string, entry: string, ms = IMPORT_MS): Promise<Finding[]> {
  const { error, warning } = findingsOf(entry);
  const url = pathToFileURL(join(directory, entry)).href;
  const script = `import(${JSON.stringify(url)}).catch(({ name, code, message }) => {
    console.error([name, code, message].filter(Boolean).join(": "));
    process.exit(1);
  });`;
  const { code, output } = await run(
    [...process.execArgv, "--input-type=module", "--eval", script],
    directory,
    ms,
  );
  if (code === 0) return [];
  if (output.includes("ERR_MODULE_NOT_FOUND") && !existsSync(join(directory, "node_modules"))) {
    return [warning("It was not imported: nothing is installed here (npm install).")];
  }
  if (code === undefined) {
    return [
      error("Importing it does not end: it opens something. Start the server only if (isMain(import.meta))."),
    ];
  }
  return [error(`It cannot be imported without fal's variables, as while the image is built:\n${output}`)];
}

interface Ended {
  /** Undefined: it was ended. */
  readonly code: number | undefined;
  /** The end of what it wrote. */
  readonly output: string;
}

/** Runs Node with an empty environment. */
function run(args: readonly string[], cwd: string, ms?: number): Promise<Ended> {
  const { PATH } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...(PATH !== undefined && { PATH }), NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      ...(ms !== undefined && { timeout: ms, killSignal: "SIGKILL" as const }),
    });
    let output = "";
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString("utf8")).slice(-100_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? undefined, output: lastLines(output) }));
  });
}

const lastLines = (text: string): string => text.trimEnd().split("\n").slice(0, MOST_LINES).join("\n");
