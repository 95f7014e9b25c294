#!/usr/bin/env node
import { main } from "./main.ts";

// The exit code is set and the process left to end by itself, so that what was written gets out.
process.exitCode = await main(process.argv.slice(2), process);
