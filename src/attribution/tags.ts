import { sha256 } from "../base/sha256.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { isTagKey } from "./tag-key.ts";

/** The user's own tags. A value may be any text: what fal's form cannot hold is encoded. */
export type UserTags = Readonly<Record<string, string | number | boolean | undefined>>;

/** The tags that the client adds by itself, so a user's tag may not have their names. */
export const OWN_TAGS = ["job_id", "app", "chain", "run", "request"] as const;
export type OwnTags = Readonly<Partial<Record<(typeof OWN_TAGS)[number], string | undefined>>>;

/**
 * fal's limits: https://fal.ai/docs/documentation/model-apis/request-tags. The gateway drops an invalid pair without
 * a word and runs the request all the same, so they are checked here, before anything is paid.
 */
const MAX_USER_TAGS = 5;
const MAX_KEY = 64;
const MAX_VALUE = 256;
const MAX_TOTAL = 1024;
const HASH_LENGTH = 8;

/** @throws {InvalidArgumentError} naming the tag, what is wrong with it, and the nearest good one. */
export function checkUserTags(tags: UserTags): void {
  const keys = Object.keys(tags).filter((key) => tags[key] !== undefined);
  for (const key of keys) {
    const own = OWN_TAGS.find((name) => name === key.trim().toLowerCase());
    if (own)
      throw new InvalidArgumentError(`The tag "${own}" is set by the client itself; choose another name.`);
    if (key.startsWith("fal.")) {
      throw new InvalidArgumentError(
        `The tag "${key}" begins with "fal.", which fal keeps for itself. Use "${key.slice(4)}".`,
      );
    }
    if (!isTagKey(key)) {
      throw new InvalidArgumentError(
        `The tag key ${JSON.stringify(key)} is not one that fal keeps: 1 to ${MAX_KEY} of a-z, 0-9, ".", "_" and "-". ` +
          `Use "${goodKey(key)}".`,
      );
    }
    const value = tags[key];
    if (!["string", "number", "boolean"].includes(typeof value) || String(value).trim() === "") {
      throw new InvalidArgumentError(`The tag "${key}" has no value. Give it one, or leave the tag out.`);
    }
  }
  if (keys.length > MAX_USER_TAGS) {
    throw new InvalidArgumentError(
      `${keys.length} tags (${keys.join(", ")}) are too many: fal keeps 10 a request, and the client uses ` +
        `${OWN_TAGS.length} of them. Leave out ${keys.length - MAX_USER_TAGS}.`,
    );
  }
}

function goodKey(key: string): string {
  const plain = key
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "_")
    .slice(0, MAX_KEY)
    .replace(/^_+|_+$/g, "");
  return plain || "tag";
}

/**
 * The pairs that go on the wire. Values are percent-encoded where fal's form (printable ASCII, no comma) needs it;
 * where the whole is too long, the longest values are cut to a prefix and a hash.
 *
 * @throws {InvalidArgumentError} for a tag that fal would drop.
 */
export async function wireTags(own: OwnTags, user: UserTags): Promise<Readonly<Record<string, string>>> {
  checkUserTags(user);
  const raw = [...OWN_TAGS.map((key) => [key, own[key]] as const), ...Object.entries(user)];
  const pairs = raw.flatMap(([key, value]) =>
    value === undefined ? [] : [[key, encodeValue(String(value))] as const],
  );

  if (pairs.length === 0) return NO_TAGS;
  const limit = longestValueThatFits(pairs);
  const fitted = pairs.map(
    async ([key, value]) => [key, value.length <= limit ? value : await shortened(value, limit)] as const,
  );
  // `__proto__` is a key like any other.
  return Object.freeze(Object.fromEntries(await Promise.all(fitted)));
}

const NO_TAGS = Object.freeze({});

export const tagsHeader = (tags: Readonly<Record<string, string>>): string =>
  Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/** Reads a header that the caller wrote by hand, so that its tags are checked like any others. */
export function parseTagsHeader(header: string): UserTags {
  const pairs = header.split(",").filter((pair) => pair.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key = "", ...value] = pair.split("=");
      return [key.trim().toLowerCase(), value.join("=").trim()];
    }),
  );
}

/** The percent sign itself is encoded too, so that decoding is exact; and a space at an end, which trimming would eat. */
const encodeValue = (value: string): string =>
  value.toWellFormed().replace(/[^\x20-\x7e]|[,%]|^ | $/gu, encodeURIComponent);

function longestValueThatFits(pairs: readonly (readonly [string, string])[]): number {
  const size = (limit: number) =>
    pairs.reduce((sum, [key, value]) => sum + key.length + Math.min(value.length, limit), 0);
  let limit = MAX_VALUE;
  while (limit > 2 * HASH_LENGTH && size(limit) > MAX_TOTAL) limit -= HASH_LENGTH;
  return limit;
}

async function shortened(value: string, limit: number): Promise<string> {
  // A percent escape must not be cut in two.
  const prefix = value.slice(0, limit - HASH_LENGTH - 1).replace(/%.?$/, "");
  return `${prefix}~${(await sha256(value)).slice(0, HASH_LENGTH)}`;
}
