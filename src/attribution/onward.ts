import { type Accounts, isOwnApp } from "./accounts.ts";
import type { Attribution, OfRun } from "./context.ts";
import { isRootName, ROOT_CALLER, ROOT_JOB, ROOT_RUN, type Root, rootName, traceOf } from "./root.ts";
import { traceparent, withBaggage } from "./w3c.ts";

/** What a call is a part of: what its run is, else what the incoming request is. */
export async function rootOf(
  of: OfRun | undefined,
  { incoming }: Attribution,
  jobId: string | undefined,
): Promise<Root> {
  const root = of ? of.root : incoming?.root;
  const run = root?.run;
  const job = root ? root.job : jobId;
  return {
    run: run === undefined ? undefined : await rootName(run),
    job: job === undefined ? undefined : await rootName(job),
    trace: root?.trace,
  };
}

/**
 * The headers of a call: those that its caller wrote and, where it is to an app of our own, what tells that app what it
 * is called for. Other people's endpoints are told nothing of it.
 */
export async function withOnward(
  written: Readonly<Record<string, string>>,
  {
    root,
    caller,
    incoming,
    accounts,
    app,
  }: Pick<Attribution, "caller" | "incoming"> & { root: Root; accounts: Accounts; app: string },
): Promise<Readonly<Record<string, string>>> {
  if (!isOwnApp(app, accounts.own) || (incoming && !isOwnApp(app, incoming.own))) return written;
  const { cdnToken, canDisableFilter } = incoming ?? {};
  const isNamed = root.run !== undefined || root.job !== undefined;
  return {
    ...((isNamed || root.trace) && { traceparent: traceparent(await traceOf(root)) }),
    ...(cdnToken !== undefined && { "x-fal-cdn-token": cdnToken }),
    ...(canDisableFilter !== undefined && { "x-app-fal-can-disable-filter": canDisableFilter }),
    ...written,
    ...(isNamed && {
      baggage: withBaggage(written["baggage"], {
        [ROOT_RUN]: root.run,
        [ROOT_JOB]: root.job,
        [ROOT_CALLER]: isRootName(caller) ? caller : undefined,
      }),
    }),
  };
}

/** Hears of a result by the headers of its reply. */
export type ReplyListener = (headers: Headers) => void;

/**
 * Keeps the token that the reply of an app of ours holds in place of the one that we were lent, for what is called next and
 * for whoever called us. Undefined where there is nothing to be heard: who lent none is given none.
 */
export function replyListener(incoming: Attribution["incoming"], app: string): ReplyListener | undefined {
  if (incoming?.cdnToken === undefined || !isOwnApp(app, incoming.own)) return undefined;
  return (headers) => {
    const token = headers.get("x-fal-cdn-token")?.trim();
    if (!token) return;
    incoming.cdnToken = token;
    incoming.reissued = true;
  };
}

/** The headers that the answer to the incoming request should carry. */
export const replyHeaders = ({ incoming }: Attribution): Record<string, string> =>
  incoming?.reissued && incoming.cdnToken !== undefined ? { "x-fal-cdn-token": incoming.cdnToken } : {};
