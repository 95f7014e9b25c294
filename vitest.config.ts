import { defineConfig } from "vitest/config";

const conditions = ["fal-chain-source", "node", "import", "module", "default"];
// These are handed to Node, which would find "import" for a require() too.
const ssrConditions = ["fal-chain-source", "node", "default"];

/** Tests that start processes, draw pictures, wait for disks or real sockets, or need the PostgreSQL server: seconds each. */
const PROCESSES = "test/**/*.process.test.ts";

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions: ssrConditions } },
  test: {
    // A bound for what hangs: on a busy machine the slowest of them take ten times as long as on a quiet one.
    testTimeout: 60_000,
    // No test file leaves anything behind, and loading every module anew for each would take as long as the tests.
    isolate: false,
    // By default one core of the machine is left out, which is half of it in CI.
    maxWorkers: "100%",
    projects: [
      { extends: true, test: { name: "main", include: ["test/**/*.test.ts"], exclude: [PROCESSES] } },
      {
        extends: true,
        test: {
          name: "processes",
          include: [PROCESSES],
          globalSetup: ["test/support/postgres-server.ts"],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: "types",
          include: [],
          typecheck: {
            enabled: true,
            checker: "tsc",
            include: ["test/**/*.test-d.ts"],
            // The rest is none of these tests' business, and takes the compiler five times as long.
            tsconfig: "test/types/tsconfig.json",
          },
        },
      },
    ],
  },
});
