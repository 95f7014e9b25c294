/** The value of a tag: `constructor` is one only where a caller has set it. */
export const tagOf = (tags: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(tags, name) ? tags[name] : undefined;

const LONGEST_KEY = 64;

/** What fal keeps as a tag's key: https://fal.ai/docs/documentation/model-apis/request-tags */
export const isTagKey = (key: string): boolean => /^[a-z0-9._-]+$/.test(key) && key.length <= LONGEST_KEY;
