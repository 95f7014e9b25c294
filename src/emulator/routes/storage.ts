import { Hono } from "hono";
import * as z from "zod";
import { randomFrom } from "../../model/random.ts";
import { jsonOf } from "../body.ts";
import { callerOf } from "../credentials.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json, plainError } from "../replies.ts";
import { uuidAt } from "../uuid.ts";

const Announcement = z.object({
  content_type: z
    .string()
    .max(200)
    .regex(/^[\x20-\x7e]*$/)
    .default("application/octet-stream"),
  file_name: z.string().min(1).max(1_000).default("file.bin"),
});

/** `rest.fal.ai`: an upload is announced here, and then put to the address that is the file's own. */
export function storageRoutes({ clock, files, uploads, seed }: Platform): Hono<RouteEnv> {
  let announced = 0;

  const announce = (
    { address, body }: RouteEnv["Bindings"],
    headers: Headers,
    inParts: boolean,
  ): Response => {
    const caller = callerOf(headers, address.via);
    if (!caller.known) return plainError(401, caller.why);
    const wish = Announcement.safeParse(jsonOf(body));
    if (!wish.success) return plainError(422, "content_type and file_name must be strings");
    announced += 1;
    const id = uuidAt(clock.now(), randomFrom(seed, "upload", announced));
    const url = `${address.filesBase}${files.announce(id, wish.data.file_name, wish.data.content_type)}`;
    if (!inParts) return json({ file_url: url, upload_url: url });
    uploads.announce(id);
    return json({ file_url: url, upload_url: `${url}?${SIGNATURE}` });
  };

  return new Hono<RouteEnv>()
    .post("/rest/storage/upload/initiate", (c) => announce(c.env, c.req.raw.headers, false))
    .post("/rest/storage/upload/initiate-multipart", (c) => announce(c.env, c.req.raw.headers, true));
}

/** The query of an address for parts; whoever loses it on the way has no permission. */
export const SIGNATURE = "upload=signed";
