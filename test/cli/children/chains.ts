// Chains as a program has them, for the command to load.
import { fal } from "fal-chain";

interface Echoed {
  readonly echo: { readonly name: string };
}

/** Calls in sequence and side by side, and a memoized function. */
export const album = fal.chain("album", async ({ names }: { names: string[] }) => {
  const title = await fal.step("title", () => names.join(" and "));
  const cover = await fal.subscribe("acme/echo", { step: "cover", input: { name: title } });
  const pages = await fal.map(names, (name) => fal.subscribe("acme/echo", { input: { name, title } }));
  return [cover, ...pages].map(({ data }) => (data as Echoed).echo.name);
});

export { fal };
