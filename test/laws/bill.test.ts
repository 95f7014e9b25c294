import { memoryStore } from "fal-chain";
import { test } from "vitest";
import { cases } from "../support/cases.ts";
import { ledgersAgree } from "./bill.ts";

test("a ledger adds up to its accounts' bills, however their rows come, and closed months stand", () =>
  ledgersAgree((clock) => memoryStore({ clock, keepEnded: 1_000 }), cases(180)));
