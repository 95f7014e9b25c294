import * as z from "zod/mini";
import type { Transport } from "../base/transport.ts";
import { isLoopback } from "../base/urls.ts";

/** Where the bytes go, and where the file will be. */
export interface Announced {
  readonly uploadUrl: string;
  readonly fileUrl: string;
}

const url = z.string().check(z.refine((text) => URL.canParse(text), "is not a URL"));
const Announcement = z.looseObject({ file_url: url, upload_url: url });

export interface AnnounceTerms {
  readonly inParts: boolean;
  readonly lifecycle: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Asks fal for an address to put a file to. Asked twice it gives two, of which one stays unused.
 *
 * Source: `libs/client/src/storage.ts` of https://github.com/fal-ai/fal-js
 */
export const announcing =
  (transport: Transport, rest: () => string) =>
  (
    file: { readonly file_name: string; readonly content_type: string },
    { inParts, lifecycle, signal }: AnnounceTerms,
  ): Promise<Announced> => {
    const base = rest();
    const route = inParts ? "initiate-multipart" : "initiate";
    return transport.send(
      {
        operation: "upload",
        method: "POST",
        url: `${base}/storage/upload/${route}?storage_type=fal-cdn-v3`,
        headers: {
          "content-type": "application/json",
          ...(lifecycle && { "x-fal-object-lifecycle": lifecycle }),
        },
        body: JSON.stringify(file),
        signal,
      },
      ({ text }) => {
        const { upload_url, file_url } = z.parse(Announcement, JSON.parse(text));
        if (!isAsSafeAs(base, upload_url)) throw new Error("the address to upload to is not https");
        return { uploadUrl: upload_url, fileUrl: file_url };
      },
    );
  };

/** A file may be private, so it goes over plain http only where everything else does: to an emulator. */
function isAsSafeAs(base: string, url: string): boolean {
  const { protocol, hostname, origin } = new URL(url);
  return protocol === "https:" || isLoopback(hostname) || origin === new URL(base).origin;
}
