import { parseForeign } from "../base/json.ts";
import type { Transport } from "../base/transport.ts";
import { parseEndpointId } from "./endpoint.ts";

/** Gives a temporary token for one app, for connections that must not have the key. @param seconds How long it lives. */
export type IssueToken = (
  app: string,
  options: { readonly seconds: number; readonly signal?: AbortSignal | undefined },
) => Promise<string>;

/** Source: the official clients. Whether `/tokens/realtime` is the current address is not established. */
export const createTokens =
  (transport: Transport, base: () => string): IssueToken =>
  (app, { seconds, signal }) => {
    const { app: whole } = parseEndpointId(app);
    const alias = whole.slice(whole.lastIndexOf("/") + 1);
    const request = {
      operation: "platform",
      method: "POST",
      url: `${base()}/tokens/`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ allowed_apps: [alias], token_expiration: seconds }),
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
