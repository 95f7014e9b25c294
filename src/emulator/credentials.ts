import type { Clock } from "../base/clock.ts";
import type { Address } from "./address.ts";
import { appOf } from "./endpoint.ts";
import type { Tokens } from "./tokens.ts";

/** Who is asking: any well-formed key is accepted, and its id stands for the account. */
export type Caller =
  | { readonly known: true; readonly account: string }
  | { readonly known: false; readonly why: string };

/** Who asks for an endpoint: by a temporary token in the address, which must be good for it, or by the key. */
export function callerFor(
  endpoint: string,
  headers: Headers,
  { search, via }: Pick<Address, "search" | "via">,
  { tokens, clock }: { readonly tokens: Tokens; readonly clock: Clock },
): Caller {
  const token = new URLSearchParams(search).get("fal_jwt_token");
  if (token === null) return callerOf(headers, via);
  const grant = tokens.read(token);
  const app = appOf(endpoint);
  const isMeant = grant?.apps.some((name) => name === app || name === app.split("/").at(-1));
  if (!grant || !isMeant) return { known: false, why: "The token is not for this app" };
  if (grant.until <= clock.now()) return { known: false, why: "The token has expired" };
  return { known: true, account: grant.account };
}

const KEY = /^Key ([^\s:]+):(\S+)$/;

/**
 * Reads `Authorization: Key id:secret`. A proxy holds the key itself, so a request that came through one needs none.
 * The texts are what third parties have seen (the one for a missing header is not established).
 */
export function callerOf(headers: Headers, via: "path" | "host" | "proxy"): Caller {
  const authorization = headers.get("authorization");
  if (authorization === null) {
    return via === "proxy"
      ? { known: true, account: "proxy" }
      : { known: false, why: "Authentication is required. Send the header 'Authorization: Key id:secret'." };
  }
  const account = KEY.exec(authorization)?.[1];
  if (account) return { known: true, account };
  return {
    known: false,
    why: authorization.startsWith("Bearer ") ? "bearer: unable to decode issuer" : "invalid key credentials",
  };
}
