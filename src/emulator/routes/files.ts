import { Hono } from "hono";
import type { Platform, RouteEnv } from "../platform.ts";
import { methodNotAllowed, plainError } from "../replies.ts";

/** `v3.fal.media`: files are public, and need no key. */
export const fileRoutes = ({ files }: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().all("/files/:id/:name", (c) => {
    const { method } = c.req.raw;
    if (method !== "GET" && method !== "HEAD") return methodNotAllowed("GET, HEAD");
    const file = files.get(c.req.param("id"));
    if (!file) {
      const room = Math.round(files.mostBytes / 2 ** 20);
      return plainError(
        404,
        `File ${c.req.param("id")} is not here. The emulator keeps files in memory, up to ${room} MB, and drops the oldest.`,
      );
    }
    const headers = {
      "content-type": file.contentType,
      "content-length": String(file.bytes.length),
      // The id is a digest of the content.
      "cache-control": "public, max-age=31536000, immutable",
    };
    return new Response(method === "HEAD" ? null : file.bytes, { headers });
  });
