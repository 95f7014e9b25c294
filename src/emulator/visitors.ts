import { isIP } from "node:net";
import { isFalHost } from "./address.ts";
import { plainError } from "./replies.ts";

/** Whom a server answers besides the programs of its own machine. */
export interface Visitors {
  /** Names that it is asked by, besides IP addresses, `localhost` and fal's own hosts. */
  readonly hosts: readonly string[];
  /** Origins of web pages that may use it, besides those of this machine. */
  readonly origins: readonly string[];
}

/**
 * Refuses what only a browser sends on a stranger's behalf. A page whose name was made to lead here (DNS rebinding) asks by
 * that name; a page of elsewhere says in `origin` where it is from, and so does its form, or in `sec-fetch-site`
 * that it is not from here. Programs send neither.
 */
export function refusalOf(
  { url, method, headers }: Request,
  { hosts, origins }: Visitors,
): Response | undefined {
  const asked = new URL(url);
  const named = URL.parse(`http://${headers.get("host") ?? asked.host}`)?.hostname ?? "";
  const stranger = [asked.hostname, named].find((host) => !isOwnHost(host, hosts));
  if (stranger !== undefined) {
    const cure = "If that name is this emulator's, name it: serveEmulator({ hosts: [name] }).";
    return plainError(
      421,
      `The emulator does not answer as ${JSON.stringify(stranger.slice(0, 100))}. ${cure}`,
    );
  }
  const origin = headers.get("origin");
  const isOwnPage =
    origin === null
      ? !isFromElsewhere(headers) || (method === "GET" && asked.pathname.startsWith("/files/"))
      : isOwnOrigin(origin, named, origins);
  if (isOwnPage) return undefined;
  const cure = "If that page is yours, name its origin: serveEmulator({ origins: [origin] }).";
  return plainError(403, `The emulator does not answer pages of other machines. ${cure}`);
}

/** An address cannot be made to lead elsewhere, as a name can. */
const isOwnHost = (host: string, hosts: readonly string[]): boolean =>
  isIP(host.replace(/^\[|\]$/g, "")) > 0 || isLocalName(host) || isFalHost(host) || hosts.includes(host);

export const isLocalName = (host: string): boolean => /^(.+\.)?localhost\.?$/.test(host);

const LOOPBACK = /^(127(\.\d{1,3}){3}|\[::1\])$/;

function isOwnOrigin(origin: string, host: string, origins: readonly string[]): boolean {
  if (origins.includes(origin)) return true;
  const page = URL.parse(origin);
  if (page === null || !/^https?:$/.test(page.protocol)) return false;
  return isLocalName(page.hostname) || LOOPBACK.test(page.hostname) || page.hostname === host;
}

/** Somebody who follows a link or writes an address is shown what is there; it is read by nobody else. */
const isFromElsewhere = (headers: Headers): boolean =>
  ["cross-site", "same-site"].includes(headers.get("sec-fetch-site") ?? "") &&
  headers.get("sec-fetch-mode") !== "navigate";
