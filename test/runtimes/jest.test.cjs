const { createFal } = require("fal-chain");

test("a call and a chain", async () => {
  const { poster } = await import("./poster.mjs");
  expect(await poster(createFal({ store: "memory" }))).toEqual({ isFile: true, calls: 2, unknown: 0 });
}, 60_000);
