import { Hono } from "hono";
import * as z from "zod";
import { jsonOf } from "../body.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json, methodNotAllowed, plainError } from "../replies.ts";
import { SIGNATURE } from "./storage.ts";

/** What a browser shows and does not execute; others, such as pages and SVG, are saved. */
const SHOWN = /^(image\/(png|jpeg|gif|webp|avif)|(audio|video)\/[\w.+-]+)(;|$)/i;

const Completion = z.object({ parts: z.array(z.object({ partNumber: z.int(), etag: z.string() })) });

/** `v3.fal.media`: files are public, and need no key; an upload needs an address that was announced. */
export const fileRoutes = ({ files, uploads }: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>()
    .all("/files/:id/:name/:part", (c) => {
      const { id, part } = c.req.param();
      const { body, address } = c.env;
      if (address.search !== `?${SIGNATURE}`) return plainError(403, "The address has lost its signature");
      if (part === "complete" && c.req.raw.method === "POST") {
        const list = Completion.safeParse(jsonOf(body));
        const problem = list.success ? uploads.complete(id, list.data.parts) : "The body must list the parts";
        return problem ? plainError(400, problem) : json({});
      }
      if (c.req.raw.method !== "PUT" || !/^[1-9]\d{0,4}$/.test(part)) return methodNotAllowed("PUT");
      const kept = uploads.part(id, Number(part), body);
      if (kept === "too large") return plainError(413, `A file here has at most ${files.mostBytes} bytes`);
      return kept === "unknown"
        ? plainError(403, "This upload was not announced, or is done already")
        : json(kept);
    })
    .all("/files/:id/:name", async (c) => {
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
          // What somebody uploaded is shown as what it says that it is, and runs nothing here.
          "x-content-type-options": "nosniff",
          "content-security-policy": "sandbox; default-src 'none'",
          ...(!SHOWN.test(file.contentType) && { "content-disposition": "attachment" }),
        },
      });
    });
