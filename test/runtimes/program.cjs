const { createFal } = require("fal-chain");

void import("./poster.mjs").then(async ({ poster }) => {
  console.log(JSON.stringify(await poster(createFal({ store: "memory" }))));
});
