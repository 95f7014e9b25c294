// dependency-cruiser drives the compiler through its JavaScript API, which the native `typescript` package no longer
// has: it would then read no TypeScript at all, and pass. Loaded with `node --import`, this hands it a compiler that does.
import { registerHooks } from "node:module";

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    nextResolve(specifier.replace(/^typescript(?=\/|$)/, "typescript5"), context),
});
