import { endOfText } from "./json.ts";

/** Every URL in a JSON value, with its path, in the order in which they stand there. */
export function* urlsIn(value: unknown): Generator<[url: string, path: string]> {
  // Without recursion: each URL would be handed up through every level that it lies under.
  const left: [value: unknown, path: string][] = [[value, ""]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [item, path] = next;
    if (typeof item === "string") {
      if (/^(https?|data):/.test(item)) yield [item, path];
    } else if (typeof item === "object" && item !== null) {
      for (const [name, inner] of Object.entries(item).reverse()) left.push([inner, `${path}/${name}`]);
    }
  }
}

/** The JSON with some of its texts replaced, where they stand alone; the rest stays as it is, to the digit. */
export function withTexts(json: string, replacements: ReadonlyMap<string, string>): string {
  const parts: string[] = [];
  let taken = 0;
  for (let at = json.indexOf('"'); at >= 0; at = json.indexOf('"', taken)) {
    const end = endOfText(json, at) + 1;
    const isKey = /^\s*:/.test(json.slice(end, end + 10));
    const replaced = isKey ? undefined : replacements.get(JSON.parse(json.slice(at, end)));
    parts.push(
      json.slice(taken, at),
      replaced === undefined ? json.slice(at, end) : JSON.stringify(replaced),
    );
    taken = end;
  }
  return parts.join("") + json.slice(taken);
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether what goes to this host, as a URL names it, stays on this machine. */
export const isLoopback = (hostname: string): boolean => LOOPBACK.test(hostname);

const LOCAL_NAME = /(^|\.)(localhost|local|internal|home\.arpa|lan)$/;

/**
 * Whether a host, as a URL names it, is this machine or one of its own network: what is not reached from elsewhere, and
 * may trust whoever asks. By the address and the name alone: names are not looked up.
 */
export function isLocalHost(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, "");
  if (name.startsWith("[")) return isLocalSix(name.slice(1, -1));
  // A URL writes every form of an IPv4 address with four decimal numbers.
  if (/^\d+(\.\d+){3}$/.test(name)) return isLocalFour(name.split(".").map(Number));
  return !name.includes(".") || LOCAL_NAME.test(name);
}

/** Source: https://www.iana.org/assignments/iana-ipv4-special-registry */
function isLocalFour([a = 0, b = 0, c = 0]: readonly number[]): boolean {
  return (
    [0, 10, 127].includes(a) ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && (b === 168 || (b === 0 && c === 0))) ||
    (a === 198 && (b === 18 || b === 19)) ||
    a >= 224
  );
}

/** Source: https://www.iana.org/assignments/iana-ipv6-special-registry */
function isLocalSix(address: string): boolean {
  const mapped = /^::(?:ffff:)?([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (mapped) {
    const [high = 0, low = 0] = mapped.slice(1).map((part) => Number.parseInt(part, 16));
    return isLocalFour([high >> 8, high & 255, low >> 8, low & 255]);
  }
  // Carried in IPv6: an IPv4 address of any kind.
  return /^(::|f[cd]|fe[89a-f]|ff|64:ff9b:|2002:|2001:0?:)/.test(address);
}
