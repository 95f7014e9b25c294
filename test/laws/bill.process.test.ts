import { join } from "node:path";
import { sqliteStore } from "fal-chain/sqlite";
import { onTestFinished, test } from "vitest";
import { tempDir } from "../support/temp.ts";
import { ledgersAgree } from "./bill.ts";

test("so does one in a file", { timeout: 120_000 }, () =>
  ledgersAgree((clock) => {
    const store = sqliteStore(join(tempDir(), "store.db"), { clock });
    onTestFinished(() => store.close());
    return store;
  }, 25),
);
