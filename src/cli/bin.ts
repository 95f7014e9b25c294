#!/usr/bin/env node
import { surviveClosedPipes } from "../terminal/closed-pipes.ts";
import { main } from "./main.ts";

surviveClosedPipes();
// The exit code is set and the process left to end by itself, so that what was written gets out.
process.exitCode = await main(process.argv.slice(2), process);
