import { defineConfig } from "vitest/config";

const conditions = ["fal-chain-source", "node", "import", "module", "default"];
// These are handed to Node, which would find "import" for a require() too.
const ssrConditions = ["fal-chain-source", "node", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions: ssrConditions } },
  test: {
    include: ["test/**/*.test.ts"],
    typecheck: { enabled: true, checker: "tsc", include: ["test/**/*.test-d.ts"] },
    globalSetup: ["test/support/postgres-server.ts"],
    testTimeout: 10_000,
    // No test file leaves anything behind, and loading every module anew for each would take as long as the tests.
    isolate: false,
  },
});
