import { createFal } from "fal-chain";
import { poster } from "./poster.mjs";

console.log(JSON.stringify(await poster(createFal({ store: "memory" }))));
