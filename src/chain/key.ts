import { sha256 } from "../base/sha256.ts";

/** Changes when the way keys are made does: a store's old keys then match nothing, instead of the wrong thing. */
const VERSION = "1";

/** Where a URL of the run came from: a step's key, and the path in what it gave. */
export type Origins = ReadonlyMap<string, string>;

/**
 * What a call is, apart from where in the run it stands: endpoint and exact wire JSON, canonical. A URL that an earlier
 * step produced counts as that step and path, since a rerun of it would produce another; of a presigned URL the
 * signature is left out, since it changes by the minute.
 */
export async function contentKey(endpoint: string, body: string, origins: Origins): Promise<string> {
  const canonical = JSON.stringify(canonicalised(JSON.parse(body), origins));
  return (await sha256(`${VERSION}\n${endpoint}\n${canonical}`)).slice(0, 32);
}

function canonicalised(value: unknown, origins: Origins): unknown {
  if (typeof value === "string") {
    const origin = origins.get(value);
    // No text of a user begins so.
    return origin === undefined ? withoutSignature(value) : `\u0000from ${origin}`;
  }
  if (Array.isArray(value)) return value.map((item) => canonicalised(item, origins));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(fields.map(([name, item]) => [name, canonicalised(item, origins)]));
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
