import { test } from "vitest";
import { ANSWERS, sameAnswers, sameWherever, THROWN } from "./replays.ts";

test.each(THROWN)("%s is the same in a replay", async (_, make, check) => {
  for (const caught of await sameWherever(make)) check(caught as never);
});

test.each(ANSWERS)("%s is the same in a replay", async (_, wire, expected) => {
  await sameAnswers(wire, expected);
});
