const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/**
 * A short hash of a text that is there at once, as eight hex digits: FNV-1a, the halves of its 64 bits laid over each other.
 * For telling things apart, not for what somebody may forge. http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function shortHash(text: string): string {
  let hash = OFFSET;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME);
  }
  return Number((hash >> 32n) ^ (hash & 0xffffffffn))
    .toString(16)
    .padStart(8, "0");
}
