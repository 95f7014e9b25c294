/** What is shorter may be an ordinary word. */
const SHORTEST_SECRET = 8;

const known = new Set<string>();

/** From now on `withoutSecrets` knows it. */
export function rememberSecret(secret: string): void {
  if (secret.length >= SHORTEST_SECRET) known.add(secret);
}

/** fal's keys are a UUID and 32 hexadecimal digits, whoever's they are. */
const FAL_KEYS = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]{32}\b/gi;

/** A text without the secrets that were read with `secrets`, and without anything that looks like a fal key. */
export function withoutSecrets(text: string): string {
  let hidden = text.replace(FAL_KEYS, "…:…");
  for (const secret of known) hidden = hidden.replaceAll(secret, "…");
  return hidden;
}

/** A text without the parts of a key that may be written in any way. */
export function withoutParts(text: string, key: string): string {
  const parts = key.split(/[\s:"']+/).filter((part) => part.length >= SHORTEST_SECRET);
  return parts.reduce((hidden, part) => hidden.replaceAll(part, "…"), text);
}
