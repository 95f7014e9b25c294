import dns from "node:dns";
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { networkInterfaces } from "node:os";
import { Readable } from "node:stream";
import { isLocalName } from "./visitors.ts";

/** An address of this machine or its network was named. */
export class NotPublic extends Error {
  constructor(host: string) {
    super(
      `${host} is an address of this machine or its network, which fal cannot reach. Upload the file instead ` +
        "(fal.storage.upload, or a Blob in the input).",
    );
  }
}

/**
 * A GET that reaches what fal could reach: fal reaches no address of this machine or its network, and whoever may write an
 * input could have the emulator ask what listens there. Redirects are not followed, and no proxy of the environment is used:
 * it is this process that must know where it connects.
 *
 * @throws {NotPublic} before a byte is sent.
 */
export const publicFetch = async (
  url: URL,
  { signal }: RequestInit & { readonly signal: AbortSignal },
): Promise<Response> => {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) > 0 ? !isPublic(host) : isLocalName(host)) throw new NotPublic(url.hostname);
  const { get } = url.protocol === "https:" ? https : http;
  const headers = { accept: "*/*", "accept-encoding": "identity" };
  const request = get(url, { signal, lookup: publicLookup, agent: false, headers });
  const [incoming] = (await once(request, "response")) as [IncomingMessage];
  return responseOf(incoming);
};

function responseOf(incoming: IncomingMessage): Response {
  const { statusCode: status = 0, headersDistinct } = incoming;
  const pairs = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  const body = [204, 205, 304].includes(status) ? null : Readable.toWeb(incoming);
  try {
    return new Response(body as ReadableStream<Uint8Array<ArrayBuffer>> | null, { status, headers: pairs });
  } finally {
    // Of these there is nothing to come.
    if (!body) incoming.destroy();
  }
}

/** What it finds is what is connected to: a name that leads elsewhere a moment later leads nowhere (DNS rebinding). */
const publicLookup: LookupFunction = (host, options, found) => {
  dns.lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return found(error, []);
    if (!addresses.every(({ address }) => isPublic(address))) return found(new NotPublic(host), []);
    if (options.all) return found(null, addresses);
    const [{ address, family } = { address: "", family: 0 }] = addresses;
    found(null, address, family);
  });
};

function isPublic(address: string): boolean {
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  if (NOT_PUBLIC.check(address, family)) return false;
  // What this machine is called on the internet leads to it all the same.
  const own = new BlockList();
  for (const { address, family } of Object.values(networkInterfaces()).flatMap((found) => found ?? [])) {
    own.addAddress(address.replace(/%.*/, ""), family === "IPv6" ? "ipv6" : "ipv4");
  }
  return !own.check(address, family);
}

/** One of version 4 that is mapped into version 6 is compared with those of version 4. */
const NETS = {
  ipv4:
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16 " +
    "198.18.0.0/15 224.0.0.0/3",
  // Loopback and none, what leads to an address of version 4, and what is local or for many.
  ipv6: "::/96 64:ff9b::/16 2001::/32 2002::/16 fc00::/7 fe80::/9 ff00::/8",
};
const NOT_PUBLIC = new BlockList();
for (const family of ["ipv4", "ipv6"] as const) {
  for (const net of NETS[family].split(" ")) {
    const [address = "", prefix] = net.split("/");
    NOT_PUBLIC.addSubnet(address, Number(prefix), family);
  }
}
