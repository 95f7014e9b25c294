/** The value of a tag: `constructor` is one only where a caller has set it. */
export const tagOf = (tags: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(tags, name) ? tags[name] : undefined;
