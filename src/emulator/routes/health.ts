import { Hono } from "hono";
import { VERSION } from "../../base/version.ts";
import { namesOf } from "../catalog.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json } from "../replies.ts";

/** Lets a client tell that it is talking to an emulator, and to which. */
export const healthRoutes = (platform: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().get("/health", () =>
    json({ emulator: "fal-chain", version: VERSION, endpoints: namesOf(platform) }),
  );
