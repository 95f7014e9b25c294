import { Hono } from "hono";
import type { Platform, RouteEnv } from "../platform.ts";
import { methodNotAllowed, plainError } from "../replies.ts";

/** `v3.fal.media`: files are public, and need no key; an upload needs an address that was announced. */
export const fileRoutes = ({ files }: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().all("/files/:id/:name", async (c) => {
    const { method } = c.req.raw;
    const id = c.req.param("id");
    if (method === "PUT") {
      return files.receive(id, c.env.body)
        ? new Response(null, { status: 200 })
        : plainError(403, "This upload was not announced, or is done already");
    }
    if (method !== "GET" && method !== "HEAD") return methodNotAllowed("GET, HEAD, PUT");
    const file = files.get(id);
    if (!file) {
      const room = Math.round(files.mostBytes / 2 ** 20);
      const why = `The emulator keeps files in memory, up to ${room} MB, and drops the oldest.`;
      return plainError(404, `File ${id} is not here. ${why}`);
    }
    return new Response(method === "HEAD" ? null : file.bytes, {
      headers: {
        "content-type": file.contentType,
        "content-length": String(file.bytes.length),
        "cache-control": "public, max-age=31536000, immutable",
      },
    });
  });
