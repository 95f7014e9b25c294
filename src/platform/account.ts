import * as z from "zod/mini";
import type { Transport } from "../base/transport.ts";
import { pagesOf } from "./pages.ts";
import { readAsAdmin } from "./read-as-admin.ts";

/** What an account has left to spend. */
export interface Balance {
  /** The account's name. */
  readonly account: string;
  /**
   * In nano-USD where `currency` is `USD`, else in billionths of that. fal tells one amount: credit that was bought and credit
   * that was given, such as for signing up, are not told apart.
   */
  readonly nano: number;
  /** `USD`, as far as is known. */
  readonly currency: string;
}

export interface AccountReader {
  /** @throws {AdminKeyRequiredError} */
  balance(abortSignal?: AbortSignal): Promise<Balance>;
  /** The account's name. @throws {AdminKeyRequiredError} */
  name(abortSignal?: AbortSignal): Promise<string>;
  /** The ids of its keys; those that have been deleted are not among them. @throws {AdminKeyRequiredError} */
  keyIds(abortSignal?: AbortSignal): Promise<string[]>;
}

/** Source: `GET /v1/account/billing` and `GET /v1/keys` of https://api.fal.ai/v1/openapi.json */
const Account = z.looseObject({ username: z.string() });
const WithCredits = z.looseObject({
  username: z.string(),
  credits: z.looseObject({ current_balance: z.number(), currency: z.string() }),
});
const Keys = z.looseObject({
  keys: z.array(z.looseObject({ key_id: z.string() })),
  next_cursor: z.optional(z.nullable(z.string())),
  has_more: z.optional(z.boolean()),
});

const MOST_PAGES = 100;

/** The account that the key belongs to. For ADMIN keys. */
export function createAccount(transport: Transport, base: () => string): AccountReader {
  const read = <T>(path: string, schema: z.ZodMiniType<T>, signal: AbortSignal | undefined) =>
    readAsAdmin(transport, `${base()}${path}`, schema, signal);
  return {
    async balance(signal) {
      const { username, credits } = await read("/account/billing?expand=credits", WithCredits, signal);
      const nano = Math.round(credits.current_balance * 1e9);
      return { account: username, nano, currency: credits.currency };
    },
    name: async (signal) => (await read("/account/billing", Account, signal)).username,
    async keyIds(signal) {
      const ids: string[] = [];
      const page = ({ cursor }: { readonly cursor?: string }) =>
        read(`/keys${cursor === undefined ? "" : `?${new URLSearchParams({ cursor })}`}`, Keys, signal);
      for await (const { keys } of pagesOf("the list of keys", MOST_PAGES, page)) {
        ids.push(...keys.map(({ key_id }) => key_id));
      }
      return ids;
    },
  };
}
