/** Which accounts are ours, as far as this process can tell. */
export interface Accounts {
  readonly own: ReadonlySet<string>;
  /** fal's gateway stands before this process, so that only fal sets the headers that say who is calling. */
  readonly behindGateway: boolean;
}

/** @param listed Nicknames and user ids of further accounts that are ours. */
export const accountsOf = (
  { userNickname, jobId }: { readonly userNickname: string | undefined; readonly jobId: string | undefined },
  listed: readonly string[] = [],
): Accounts => ({
  own: new Set([userNickname ?? "", ...listed].filter((account) => account !== "")),
  behindGateway: jobId !== undefined,
});

/** @param app What an endpoint id begins with: `owner/alias`, after a namespace such as `workflows` too. */
export const isOwnApp = (app: string, own: ReadonlySet<string>): boolean =>
  own.has(app.split("/").at(-2) ?? "");
