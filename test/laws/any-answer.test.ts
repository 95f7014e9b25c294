import { memoryStore } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { tempDir } from "../support/temp.ts";
import { endsForAnyAnswer } from "./any-answer.ts";

const RUNS = Number(process.env["ANSWERS"] ?? 60);

endsForAnyAnswer("memory", () => memoryStore({ keepEnded: 100_000 }), RUNS);
endsForAnyAnswer("SQLite", () => sqliteStore(`${tempDir()}/calls.db`), RUNS);
