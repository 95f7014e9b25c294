#!/usr/bin/env node
/** What package.json says of Node. The command is loaded after it is known that this one can read it. */
const NEEDED = [22, 13] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) {
  const { surviveClosedPipes } = await import("../terminal/closed-pipes.ts");
  const { main } = await import("./main.ts");
  surviveClosedPipes();
  // The exit code is set and the process left to end by itself, so that what was written gets out.
  process.exitCode = await main(process.argv.slice(2), process);
} else {
  process.stderr.write(
    `error: fal-chain needs Node ${NEEDED.join(".")} or newer; this is Node ${process.versions.node}.\n`,
  );
  process.exitCode = 2;
}

export {};
