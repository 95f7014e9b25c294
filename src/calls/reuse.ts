import { tagOf } from "../attribution/tag-key.ts";
import { inBackground } from "../base/background.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { parseOwn } from "../base/json.ts";
import { sha256 } from "../base/sha256.ts";
import { abortable } from "../base/signal.ts";
import { lengthOf } from "../base/time.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import type { CallFor, CallRecord } from "../journal/call.ts";
import { restoredData } from "../journal/saved-data.ts";
import { type Cost, knownNanoUsd } from "../money/cost.ts";
import { billResult } from "./bill.ts";
import type { LiveCall } from "./live-call.ts";
import { unlessOtherStore } from "./note-request.ts";
import type { Reuse } from "./options.ts";
import type { Prepared } from "./prepare.ts";
import { type Recorded, ticketFor } from "./record.ts";
import { type Filed, withFiles } from "./reused-files.ts";
import type { Services } from "./services.ts";

/**
 * What an equal call has been paid for, noted as what this one was given; undefined where it has to be paid for. Equal calls
 * that are made meanwhile wait for what becomes of it, until `call.share` is called.
 *
 * @param replaces The call whose place it takes.
 * @throws {InvalidArgumentError} where it cannot be had, however often it was paid for.
 */
export async function reusedCall(
  services: Services,
  call: LiveCall,
  prepared: Prepared,
  replaces: string | undefined,
): Promise<Recorded | undefined> {
  const wish = wishOf(services, call, prepared);
  if (!wish) return undefined;
  const { underWay } = services.reuse;
  const asked: Asked = { content: await contentOf(services, call, prepared), prepared, replaces, wish };
  const place = JSON.stringify([asked.content, boundsOf(prepared.for, wish)]);
  // It is let go of by what it waits for, and is the next one then, unless another was quicker.
  for (let other = underWay.get(place); other && !call.share; other = underWay.get(place)) {
    const paid = await abortable(other, call.giveUp.signal);
    const known = paid === undefined ? undefined : await given(services, call, asked, paid);
    if (known) return known;
    if (paid !== undefined) break;
  }
  call.share ??= sharing(services, place);
  for (const { id } of await candidates(services, asked)) {
    const known = await given(services, call, asked, id);
    if (!known) continue;
    call.share(id);
    return known;
  }
  return undefined;
}

/** A call that equal ones may be given the result of, and what it asks for. */
interface Asked {
  readonly content: string;
  readonly prepared: Prepared;
  readonly replaces: string | undefined;
  readonly wish: Reuse;
}

/**
 * What the call, its chain and its client say, the nearest last: a tag that one of them names holds until another names
 * others. Undefined where it is to be paid for in any case.
 */
function wishOf(services: Services, call: LiveCall, { webhookUrl }: Prepared): Reuse | undefined {
  const own = call.settings.reuse;
  const said = [services.reuse.settings, call.run?.reuse, own].filter((one) => one !== undefined);
  if (said.length === 0 || said.at(-1) === false) return undefined;
  if (webhookUrl !== undefined) {
    if (own) throw cannot("webhookUrl waits for a hook of fal's, and nothing would be sent for it");
    return undefined;
  }
  if (services.store.keep === "ids") {
    throw cannot(`the store ${services.store.name} keeps ids only, and no results`);
  }
  const fields = said.flatMap((one) => Object.entries(one));
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

const cannot = (why: string) =>
  new InvalidArgumentError(
    `reuse cannot give a result here: ${why}. Leave one of them out. Nothing was sent.`,
  );

/** Changes when the way it is made does. */
const VERSION = "1";

/**
 * What a call asks for, whoever makes it: its endpoint, how it is called, and the exact input, where a file is its bytes and one
 * that was uploaded anew is where it was. A presigned address is another one each time: who may see what is there, nobody
 * here can tell.
 */
export async function contentOf(
  { reuse }: Services,
  { stream }: LiveCall,
  { endpoint, content, apart, hash }: Prepared,
): Promise<string> {
  if (hash !== undefined) return hash;
  const canonical = canonicalJson(content, (text) => reuse.originals.get(text) ?? text);
  const how = stream && [stream.method, stream.query, stream.url ?? "", stream.accept];
  return sha256(
    [VERSION, endpoint.id, apart, JSON.stringify(how ?? ""), canonical, rounded(content)].join("\n"),
  );
}

/** A bigint is not the text of its digits, which `parseOwn` makes of it. */
function rounded(content: string): string {
  if (!/\d{16}/.test(content)) return "";
  const plain = JSON.stringify(JSON.parse(content));
  return plain === JSON.stringify(parseOwn(content)) ? "" : plain;
}

/** Whom the result may be for: the tags that must be the same. */
function boundsOf(whose: CallFor, { within = [] }: Reuse): (string | null)[] {
  const { userTags, jobId, app, chain, run, request, caller } = whose;
  const ours: Readonly<Record<string, string | undefined>> = {
    job_id: jobId,
    app,
    chain,
    run,
    request,
    caller,
  };
  return [within]
    .flat()
    .sort()
    .map((name) => ours[name] ?? tagOf(userTags, name) ?? null);
}

async function candidates({ store, clock }: Services, { content, prepared, wish }: Asked) {
  const since = wish.maxAge === undefined ? 0 : clock.now() - (lengthOf(wish.maxAge) ?? 0);
  const bounds = JSON.stringify(boundsOf(prepared.for, wish));
  const paid = await store.calls.paidFor(content, since);
  return paid.filter((one) => JSON.stringify(boundsOf(one.for, wish)) === bounds).slice(0, MOST_TRIED);
}

/** Of results whose files are gone, or that are not what this caller asks for, this many are looked at. */
const MOST_TRIED = 5;

/** Notes the call as given what another one was paid for; undefined where that is not to be had, or not what is wanted. */
async function given(
  services: Services,
  call: LiveCall,
  asked: Asked,
  paid: string,
): Promise<Recorded | undefined> {
  const { signal } = call.giveUp;
  const origin = await services.store.calls.get(paid);
  if (!origin?.outcome || origin.outcome.data === undefined) return undefined;
  const { data } = origin.outcome;
  if (!(await abortable(isWanted(call, data), signal))) return undefined;
  const filed = await abortable(withFiles(services, data), signal);
  return filed && note(services, call, asked, origin, filed);
}

/** What does not keep to the caller's own schema is paid for once more, and not given for as long as it is there. */
async function isWanted({ settings: { output } }: LiveCall, data: unknown): Promise<boolean> {
  if (!output) return true;
  return !(await output["~standard"].validate(restoredData(data))).issues;
}

async function note(
  services: Services,
  call: LiveCall,
  { content, prepared, replaces }: Asked,
  origin: CallRecord,
  { data, rehosted }: Filed,
): Promise<Recorded> {
  const { store, clock, queue } = services;
  const { id, found } = call;
  const requestId = origin.ticket?.requestId;
  const reuseOf = {
    call: origin.id,
    ...(requestId !== undefined && { requestId }),
    ...(rehosted && { rehosted }),
  };
  const outcome = { data, units: 0, waitSeconds: undefined, runSeconds: undefined };
  const cost = saved(knownNanoUsd(origin.cost));
  await store.calls
    .intend(
      {
        ...{ id, endpoint: prepared.endpoint.id, body: prepared.content, queue: queue.base },
        ...{ for: prepared.for, key: found?.key, content, reuseOf, at: clock.now() },
      },
      { fence: found?.fence, replaces, given: { ...outcome, cost } },
    )
    .catch((error: unknown) => unlessOtherStore(services, call, error));
  call.notedAs = id;
  if (knownNanoUsd(origin.cost) === undefined)
    void inBackground(services.background, chargeLater(services, id, origin));
  return { record: { id, for: prepared.for, cost, reuseOf }, ticket: ticketFor(origin), outcome };
}

const saved = (nanoUsd = 0): Cost => ({ source: "measured", nanoUsd: 0, units: 0, savedNanoUsd: nanoUsd });

/** What the call that was paid for cost is known a while after its end. */
async function chargeLater(services: Services, id: string, { id: notedAs, endpoint, usage }: CallRecord) {
  const nanoUsd = knownNanoUsd(await billResult(services, { endpoint, notedAs }, usage?.units));
  if (nanoUsd === undefined) return;
  await services.store.calls.charged(id, saved(nanoUsd), services.clock.now());
}

/** Takes the place that equal calls wait at, until what this gives is called. */
function sharing({ reuse: { underWay } }: Services, place: string): (paid: string | undefined) => void {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  underWay.set(place, promise);
  return (paid) => {
    if (underWay.get(place) === promise) underWay.delete(place);
    resolve(paid);
  };
}
