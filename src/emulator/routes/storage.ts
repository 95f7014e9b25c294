import { Hono } from "hono";
import * as z from "zod";
import { callerOf } from "../credentials.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { randomFrom, uuidAt } from "../random.ts";
import { json, plainError } from "../replies.ts";

const Announcement = z.object({
  content_type: z.string().default("application/octet-stream"),
  file_name: z.string().min(1).default("file.bin"),
});

/** `rest.fal.ai`: an upload is announced here, and then put to the address that is the file's own. */
export function storageRoutes({ clock, files, seed }: Platform): Hono<RouteEnv> {
  let announced = 0;
  return new Hono<RouteEnv>().post("/rest/storage/upload/initiate", (c) => {
    const { address } = c.env;
    const caller = callerOf(c.req.raw.headers, address.via);
    if (!caller.known) return plainError(401, caller.why);
    const wish = Announcement.safeParse(parsed(c.env.body));
    if (!wish.success) return plainError(422, "content_type and file_name must be strings");
    announced += 1;
    const id = uuidAt(clock.now(), randomFrom(seed, "upload", announced));
    const url = `${address.filesBase}${files.announce(id, wish.data.file_name, wish.data.content_type)}`;
    return json({ file_url: url, upload_url: url });
  });
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
