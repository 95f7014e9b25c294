import { Hono } from "hono";
import { VERSION } from "../../base/version.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json } from "../replies.ts";

/** Lets a client tell that it is talking to an emulator, and to which. */
export const healthRoutes = ({ models }: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().get("/health", () =>
    json({ emulator: "fal-chain", version: VERSION, endpoints: [...models.keys()] }),
  );
