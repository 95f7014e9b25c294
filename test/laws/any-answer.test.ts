import { memoryStore } from "fal-chain";
import { cases } from "../support/cases.ts";
import { endsForAnyAnswer } from "./any-answer.ts";

const RUNS = Number(process.env["ANSWERS"] ?? cases(30));

endsForAnyAnswer("memory", () => memoryStore({ keepEnded: 100_000 }), RUNS);
