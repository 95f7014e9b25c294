import { parseForeign } from "../base/json.ts";
import type { Transport, WireRequest } from "../base/transport.ts";
import { parseEndpointId } from "./endpoint.ts";

/** Gives a temporary token for one app, for connections that must not have the key. It lives for two minutes. */
export type IssueToken = (
  app: string,
  options?: { readonly signal?: AbortSignal | undefined },
) => Promise<string>;

/** As long as the official client has them live. */
export const TOKEN_SECONDS = 120;

/** An address that says who asks, so that the key need not. Source: the official client. */
export function withToken(
  address: string,
  token: string,
): Required<Pick<WireRequest, "url" | "keyless" | "secret">> {
  const url = new URL(address);
  url.searchParams.set("fal_jwt_token", token);
  return { url: url.href, keyless: "file", secret: token };
}

/** Source: the official clients. Whether `/tokens/realtime` is the current address is not established. */
export const createTokens =
  (transport: Transport, base: () => string): IssueToken =>
  (app, { signal } = {}) => {
    const { app: whole } = parseEndpointId(app);
    const alias = whole.slice(whole.lastIndexOf("/") + 1);
    const request = {
      operation: "platform",
      method: "POST",
      url: `${base()}/tokens/`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ allowed_apps: [alias], token_expiration: TOKEN_SECONDS }),
      endpoint: app,
      signal,
    } as const;
    return transport.send(request, ({ text }) => tokenIn(parseForeign(text)));
  };

/** The token itself, or an object that has it: proxies have given it in either form. */
function tokenIn(answer: unknown): string {
  const { token, detail } = (typeof answer === "object" && answer !== null ? answer : {}) as {
    readonly token?: unknown;
    readonly detail?: unknown;
  };
  const found = [answer, token, detail].find((value) => typeof value === "string" && value !== "");
  if (typeof found !== "string") throw new Error("it holds no token");
  return found;
}
