import { join } from "node:path";
import { virtualClock } from "fal-chain/emulator";
import { sqliteStore } from "fal-chain/sqlite";
import { onTestFinished } from "vitest";
import { tempDir } from "../support/temp.ts";
import { conforms } from "./conformance.ts";
import { agreesWithMemory } from "./model.ts";

conforms("the SQLite store", async () => {
  const clock = virtualClock();
  const store = sqliteStore(join(tempDir(), "store.db"), { clock });
  onTestFinished(() => store.close());
  return { store, pass: clock.advance };
});

agreesWithMemory("the SQLite store", {
  runs: 60,
  fresh: async (clock) => ({
    store: sqliteStore(join(tempDir(), "store.db"), { clock }),
    pass: clock.advance,
  }),
});
