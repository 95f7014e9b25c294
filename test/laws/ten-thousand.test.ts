import { memoryStore } from "fal-chain";
import { test } from "vitest";
import { weathersAStorm } from "./ten-thousand.ts";

test(
  "calls through everything that can go wrong, and memory: none paid twice, none lost",
  {
    timeout: 300_000,
  },
  () => weathersAStorm(150, (calls) => memoryStore({ keepEnded: calls })),
);
