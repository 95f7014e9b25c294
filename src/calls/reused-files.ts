import { pooled } from "../base/pooled.ts";
import { urlsIn, withTexts } from "../base/urls.ts";
import type { Services } from "./services.ts";

/** A result whose files are there. */
export interface Filed {
  readonly data: unknown;
  /** Those that were uploaded anew: where each is, and where it was. */
  readonly rehosted: Readonly<Record<string, string>> | undefined;
}

const AT_ONCE = 4;

/**
 * A result as it is kept, with a file that fal has let go of uploaded from its copy. Undefined where there is none of one of
 * its files.
 */
export async function withFiles(services: Services, data: unknown): Promise<Filed | undefined> {
  const types = new Map<string, string | undefined>();
  for (const [url, path] of urlsIn(data)) if (/^https?:/.test(url)) types.set(url, typeAt(data, path));
  const moved = new Map<string, string>();
  let isWhole = true;
  await pooled([...types], AT_ONCE, async ([url, type]) => {
    const there = isWhole ? await whereIs(services, url, type) : undefined;
    if (there === undefined) isWhole = false;
    else if (there !== url) moved.set(url, there);
  });
  if (!isWhole) return undefined;
  if (moved.size === 0) return { data, rehosted: undefined };
  const rehosted = Object.fromEntries(
    [...moved].map(([was, is]) => [is, services.reuse.originals.get(was) ?? was]),
  );
  asTheyWere(services, rehosted);
  return { data: JSON.parse(withTexts(JSON.stringify(data), moved)), rehosted };
}

async function whereIs(services: Services, url: string, type = ""): Promise<string | undefined> {
  const { files, storage, reuse, report } = services;
  if (await files.isThere(url)) return url;
  const now = reuse.rehosted.get(url);
  if (now !== undefined && (await files.isThere(now))) return now;
  if ((await files.path(url)) === undefined) return undefined;
  const name = new URL(url).pathname.split("/").at(-1) || "file";
  try {
    return await storage.upload(new File([await files.read(url)], name, { type }));
  } catch (error) {
    report(`The copy of ${url} could not be uploaded, so that its call is paid for again`, error);
    return undefined;
  }
}

/** fal's files say beside their address of what type they are. */
function typeAt(data: unknown, path: string): string | undefined {
  const names = path.split("/").slice(1, -1);
  let file = data;
  for (const name of names) file = (file as Record<string, unknown> | undefined)?.[name];
  const type = (file as { readonly content_type?: unknown } | undefined)?.content_type;
  return typeof type === "string" ? type : undefined;
}

/** Addresses that are remembered; of a forgotten one a call is another one than before, and is paid for. */
const MOST_REMEMBERED = 10_000;

/** A file that was uploaded anew counts as the one that it is a copy of. */
export function asTheyWere({ reuse }: Services, rehosted: Filed["rehosted"] = {}): void {
  for (const [is, was] of Object.entries(rehosted)) {
    remember(reuse.originals, is, was);
    remember(reuse.rehosted, was, is);
  }
}

function remember(known: Map<string, string>, name: string, value: string): void {
  known.delete(name);
  known.set(name, value);
  for (const oldest of known.keys()) {
    if (known.size <= MOST_REMEMBERED) break;
    known.delete(oldest);
  }
}
