import { Hono } from "hono";
import type { Platform, RouteEnv } from "../platform.ts";
import { json } from "../replies.ts";

/** What a receiver of webhooks asks for: the keys that they are signed with, and where they come from. Without a key. */
export const hookRoutes = ({ signer }: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>()
    .get("/rest/.well-known/jwks.json", () => json(signer.jwks))
    .get("/api/v1/meta", () => json({ webhook_ip_ranges: ["127.0.0.1/32"] }));
