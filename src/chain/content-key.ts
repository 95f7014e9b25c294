import { canonicalJson } from "../base/canonical-json.ts";
import { sha256 } from "../base/sha256.ts";
import { urlsIn } from "../base/urls.ts";

/** Changes when the way keys are made does: a store's old keys then match nothing, instead of the wrong thing. */
const VERSION = "1";

/** Which step of the run a URL came from: its key, and the path in what it gave. */
export type UrlSources = ReadonlyMap<string, string>;

/** The sources of a run's URLs, as its steps give and ask for them. */
export class KnownUrls {
  readonly sources = new Map<string, string>();
  /** URLs that came from outside of the run: a step that gives one back is not its source. */
  readonly #given = new Set<string>();

  asked(content: string): void {
    for (const [url] of urlsIn(JSON.parse(content))) if (!this.sources.has(url)) this.#given.add(url);
  }

  /** The first step to give a URL is its source: one that gives it back had to ask for it. */
  produced(key: string, data: unknown): void {
    for (const [url, path] of urlsIn(data)) {
      if (!this.sources.has(url) && !this.#given.has(url)) this.sources.set(url, `${key}${path}`);
    }
  }
}

/**
 * What a call is, apart from where in the run it stands: endpoint and exact wire JSON, canonical. A URL that an earlier
 * step produced counts as that step and path, since a rerun of it would produce another; of a presigned URL the
 * signature is left out, since it changes by the minute.
 */
export async function contentKey(endpoint: string, body: string, sources: UrlSources): Promise<string> {
  const canonical = canonicalJson(body, (text) => {
    const source = sources.get(text);
    // No text of a user begins so.
    return source === undefined ? withoutSignature(text) : `\u0000from ${source}`;
  });
  return (await sha256(`${VERSION}\n${endpoint}\n${canonical}`)).slice(0, 32);
}

/** What marks a presigned URL, and what of it changes each time: S3, Google Cloud Storage, CloudFront, Azure. */
const SIGNATURES = ["x-amz-signature", "x-goog-signature", "signature", "sig"];
const VOLATILE =
  /^(x-amz-.*|x-goog-.*|awsaccesskeyid|googleaccessid|signature|expires|policy|key-pair-id|sig|se|st|sp|sv|sr|spr|sk[a-z]+|sip)$/;

function withoutSignature(text: string): string {
  if (!/^https?:/.test(text)) return text;
  const url = URL.parse(text);
  if (!url) return text;
  const names = [...new Set(url.searchParams.keys())];
  if (!names.some((name) => SIGNATURES.includes(name.toLowerCase()))) return text;
  for (const name of names) if (VOLATILE.test(name.toLowerCase())) url.searchParams.delete(name);
  return url.href;
}

/** The names of the fields in which two inputs differ. */
export function differences(a: unknown, b: unknown, path = ""): string[] {
  if (Object.is(a, b)) return [];
  const both = [a, b];
  if (both.every((value) => typeof value === "object" && value !== null)) {
    const [left, right] = both as [Record<string, unknown>, Record<string, unknown>];
    const names = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...names].flatMap((name) =>
      differences(left[name], right[name], path === "" ? name : `${path}.${name}`),
    );
  }
  return [path === "" ? "the input" : path];
}
