import { createRequire } from "node:module";
import { Hono } from "hono";
import * as z from "zod";
import type { Platform, RouteEnv } from "../platform.ts";
import { json } from "../replies.ts";

/** Lets a client tell that it is talking to an emulator, and to which. */
export const healthRoutes = ({ models }: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().get("/health", () =>
    json({ emulator: "fal-chain", version: version(), endpoints: [...models.keys()] }),
  );

/** Sources and the built package are equally far from the manifest. */
function version(): string {
  const manifest: unknown = createRequire(import.meta.url)("../../../package.json");
  return z.object({ version: z.string() }).parse(manifest).version;
}
