import { expect, test } from "vitest";
import { billingSwitches } from "../../src/emulator/billing.ts";
import { historySwitches } from "../../src/emulator/history.ts";
import { pages } from "../support/pages.ts";

test("the page has each switch for what is not established, with its default", () => {
  const text = pages.find(({ path }) => path === "docs/emulator.md")?.text ?? "";
  const rows = [...text.matchAll(/^\| `((?:history|billing)\.\w+)` +\| `(\w+)`/gm)];
  const told = rows.map(([, name, value]) => [name, value]);
  const all = { history: historySwitches(), billing: billingSwitches() };
  const are = Object.entries(all).flatMap(([of, switches]) =>
    Object.entries(switches).map(([name, value]) => [`${of}.${name}`, String(value)]),
  );
  expect(told).toEqual(are);
});
