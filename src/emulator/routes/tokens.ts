import { Hono } from "hono";
import * as z from "zod";
import { jsonOf } from "../body.ts";
import { callerOf } from "../credentials.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json, plainError } from "../replies.ts";

const Wish = z.object({
  allowed_apps: z.array(z.string().min(1)).min(1),
  // Two addresses, and two names for it; which one fal means today is not established.
  token_expiration: z.number().min(1).max(86_400).optional(),
  duration: z.number().min(1).max(86_400).optional(),
});

/** `rest.fal.ai/tokens/`: a token for who must not have the key. */
export const tokenRoutes = ({ clock, tokens }: Platform): Hono<RouteEnv> => {
  const issue = ({ address, body }: RouteEnv["Bindings"], headers: Headers): string | Response => {
    const caller = callerOf(headers, address.via);
    if (!caller.known) return plainError(401, caller.why);
    const wish = Wish.safeParse(jsonOf(body));
    if (!wish.success) return plainError(422, "allowed_apps must be a list of apps");
    const { allowed_apps: apps, token_expiration: seconds = wish.data.duration ?? 120 } = wish.data;
    return tokens.issue({ account: caller.account, apps, until: clock.now() + seconds * 1000 });
  };
  return new Hono<RouteEnv>()
    .post("/rest/tokens", (c) => {
      const token = issue(c.env, c.req.raw.headers);
      return token instanceof Response ? token : json(token);
    })
    .post("/rest/tokens/realtime", (c) => {
      const token = issue(c.env, c.req.raw.headers);
      return token instanceof Response ? token : json({ token });
    });
};
