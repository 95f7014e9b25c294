import { expect, test } from "vitest";
import { leastBusy } from "../../src/gateway/routing.ts";

const runner = (name: string, busy: number, lastUsedAt = 0, ...hints: string[]) => ({
  ...{ name, busy, lastUsedAt },
  hints: new Set(hints),
});
const choose = (runners: readonly ReturnType<typeof runner>[], most = 3, hint?: string) =>
  leastBusy(runners, most, hint)?.name;

test("the least busy runner has the next request, of equals the one that has rested longest", () => {
  expect(choose([runner("a", 2), runner("b", 1), runner("c", 2)])).toBe("b");
  expect(choose([runner("a", 1, 300), runner("b", 1, 100), runner("c", 1, 200)])).toBe("b");
});

test("nobody has it while all are full", () => {
  expect(choose([runner("a", 3), runner("b", 3)])).toBeUndefined();
  expect(choose([])).toBeUndefined();
});

test("a hint prefers the runner that knows it, and makes nobody wait for it", () => {
  const known = runner("b", 2, 0, "lora-7");
  expect(choose([runner("a", 0), known], 3, "lora-7")).toBe("b");
  expect(choose([runner("a", 0), { ...known, busy: 3 }], 3, "lora-7")).toBe("a");
  expect(choose([runner("a", 0), known], 3, "another")).toBe("a");
});
