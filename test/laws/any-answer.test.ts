import { memoryStore } from "fal-chain";
import { endsForAnyAnswer } from "./any-answer.ts";

const RUNS = Number(process.env["ANSWERS"] ?? 30);

endsForAnyAnswer("memory", () => memoryStore({ keepEnded: 100_000 }), RUNS);
