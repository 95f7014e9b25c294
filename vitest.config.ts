import { defineConfig } from "vitest/config";

const conditions = ["fal-chain-source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["test/**/*.test.ts"],
    typecheck: { enabled: true, checker: "tsc", include: ["test/**/*.test-d.ts"] },
    testTimeout: 10_000,
    // No test file leaves anything behind, and loading every module anew for each would take as long as the tests.
    isolate: false,
  },
});
