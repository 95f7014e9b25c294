import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type ReplyListener, replyListener, rootOf, withOnward } from "../attribution/onward.ts";
import { parseTagsHeader, tagsHeader, type UserTags, wireTags } from "../attribution/tags.ts";
import { withTexts } from "../base/urls.ts";
import { InputMismatchError, InvalidArgumentError } from "../errors/arguments.ts";
import { RunStateError } from "../errors/runs.ts";
import type { CallFor, CallRecord } from "../journal/call.ts";
import { unitsSaid } from "../ledger/estimate.ts";
import {
  type AnyEndpoint,
  type EndpointAddress,
  type EndpointId,
  idOf,
  parseEndpointId,
} from "../queue/endpoint.ts";
import { digestOf, type TakenInput, takeInput } from "../storage/attachments.ts";
import { expirySeconds, lifecycleJson, type StorageSettings } from "../storage/lifecycle.ts";
import { currentRun, type FoundStep } from "./enclosing-run.ts";
import type { SubmitOptions, SubmitSettings } from "./options.ts";
import type { CallContext, Services } from "./services.ts";

/** A submit that lacks nothing but its files, and whom it is for. */
export interface Prepared {
  readonly endpoint: EndpointAddress;
  /** The input's JSON with the digest of each file in its place: what is asked for, wherever the files will be. */
  readonly content: string;
  /** What may make an equal input give something else: the caller's headers, and who may have the files. */
  readonly apart: string;
  /** Of a recorded call: what it asks for, as the store has it. */
  readonly hash: string | undefined;
  /** What is to be uploaded; undefined where `content` is all there is. */
  readonly files: { readonly input: TakenInput; readonly lifecycle: StorageSettings | undefined } | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly webhookUrl: string | undefined;
  readonly for: CallFor;
  /** How many units its caller or its client says that it takes. */
  readonly units: number | undefined;
  /** Takes from the headers of the result's reply what belongs to the incoming request. */
  readonly heard: ReplyListener | undefined;
}

/**
 * What can be known to be wrong before anything is sent, is found here. Context and input are taken before the first
 * pause: the caller's objects may be others' afterwards.
 */
export async function prepare(
  services: Services,
  target: EndpointId | AnyEndpoint,
  options: SubmitOptions<unknown>,
): Promise<Prepared> {
  if (services.requireRun && !currentRun()) throw outsideRun(idOf(target));
  const context = services.context();
  const endpoint = parseEndpointId(idOf(target));
  const fields = fieldsOf(endpoint.id, options.input);
  const input = takeInput(fields);
  const { tagged, headers } = splitHeaders(options.headers);
  const given = { ...context.attribution.tags, ...tagged, ...options.tags };
  const asked = platformHeaders(options);
  const { webhookUrl } = options;
  const lifecycle = lifecycleOfInputs(options.storageSettings);
  const units = unitsSaid({ endpoint: endpoint.id, input: fields, units: options.units }, services.units);
  if (typeof target === "object") await checkInput(endpoint.id, target.schemas.input, fields);

  const { of, jobId, app, attribution, accounts } = context;
  const { request, caller, incoming } = attribution;
  const ours = { job_id: jobId, app, chain: of?.chain, run: of?.run, request };
  const userTags = textTags(given);
  const tags = await wireTags(ours, given);
  const root = await rootOf(of, attribution, jobId);
  return {
    endpoint,
    content: await input.json(digestOf),
    apart: apartBy(headers, options.storageSettings),
    hash: undefined,
    files: input.hasFiles ? { input, lifecycle } : undefined,
    headers: sendable({
      ...(await withOnward(headers, { root, caller, incoming, accounts, app: endpoint.app })),
      ...asked,
      ...tagHeaders(tags),
    }),
    webhookUrl,
    units,
    for: {
      ...whom(context, options.step),
      rootRun: root.run,
      rootJob: root.job,
      tags,
      userTags,
      markup: services.markup({ endpoint: endpoint.id, tags: { ...userTags, ...textTags(ours) } }),
    },
    heard: replyListener(incoming, endpoint.app),
  };
}

/** The submit of a recorded call as it was, from what the store keeps of it. @param body Which it keeps. */
export async function prepareAgain(services: Services, record: CallRecord, body: string): Promise<Prepared> {
  const endpoint = parseEndpointId(record.endpoint);
  const { tags, caller, rootRun, rootJob } = record.for;
  const onward = {
    root: { run: rootRun, job: rootJob, trace: undefined },
    caller,
    incoming: undefined,
    accounts: services.accounts(),
    app: endpoint.app,
  };
  return {
    endpoint,
    content: body,
    apart: apartBy({}, undefined),
    hash: record.content,
    files: undefined,
    headers: await withOnward(tagHeaders(tags), onward),
    webhookUrl: undefined,
    units: undefined,
    for: record.for,
    // The request that it was made for is answered.
    heard: undefined,
  };
}

/** The exact JSON that is sent: its files are uploaded, and those that fal has deleted are replaced by their copies. */
export async function bodyOf(
  { storage }: Services,
  { content, files }: Prepared,
  found: FoundStep | undefined,
  abortSignal: AbortSignal,
): Promise<string> {
  const body = files
    ? await files.input.json(async (file) => {
        const upload = () => storage.upload(file, { lifecycle: files.lifecycle, abortSignal });
        return found ? found.upload(await digestOf(file), upload) : upload();
      })
    : content;
  return found && found.replacements.size > 0 ? withTexts(body, found.replacements) : body;
}

function fieldsOf(endpoint: string, input: unknown = {}): object {
  const fields = input ?? {};
  if (typeof fields === "object" && !Array.isArray(fields)) return fields;
  const given = Array.isArray(fields) ? "an array" : `a ${typeof fields}`;
  throw new InvalidArgumentError(
    `The input of ${endpoint} is ${given}, not an object of fields, such as { prompt: "a fox" }. Nothing was sent.`,
  );
}

/** Tags that were written as a header are tags all the same, and checked like them. */
function splitHeaders(headers: Readonly<Record<string, string>> = {}) {
  const rest: Record<string, string> = {};
  let tagged: UserTags = {};
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (lower === "authorization") {
      throw new InvalidArgumentError(
        "A call takes no authorization header; pass createFal({ credentials }).",
      );
    }
    if (lower === "x-fal-tags") tagged = parseTagsHeader(value);
    else rest[lower] = value;
  }
  return { tagged, headers: rest };
}

/** @throws {InvalidArgumentError} for a header that HTTP cannot carry: what fetch made of it would look like a lost submit. */
function sendable(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers([[name, value]]);
    } catch {
      throw new InvalidArgumentError(
        `The header ${JSON.stringify(name)} cannot be sent: a name is letters, digits and "-", a value Latin-1 text of one line. ` +
          "Encode it, for example with encodeURIComponent.",
      );
    }
  }
  return headers;
}

/** https://fal.ai/docs/documentation/model-apis/common-parameters */
function platformHeaders({ priority, hint, startTimeout, storageSettings }: SubmitSettings) {
  const headers: Record<string, string> = {};
  if (priority !== undefined) headers["x-fal-queue-priority"] = priority;
  if (hint !== undefined) headers["x-fal-runner-hint"] = hint;
  if (startTimeout !== undefined) {
    // The newer name wins where it is known; older deployments know the other one.
    headers["x-fal-request-start-timeout"] = String(startTimeout);
    headers["x-fal-request-timeout"] = String(startTimeout);
  }
  const lifecycle = storageSettings && lifecycleJson(storageSettings);
  if (lifecycle) headers["x-fal-object-lifecycle-preference"] = lifecycle;
  return headers;
}

const whom = ({ attribution, of, jobId, app, payer }: CallContext, step: string | undefined) => ({
  chain: of?.chain,
  run: of?.run,
  step,
  jobId,
  app,
  request: attribution.request,
  caller: attribution.caller,
  claimedRoot: of ? of.claimedRoot : attribution.incoming?.claimedRoot,
  ...payer,
});

const apartBy = (
  headers: Readonly<Record<string, string>>,
  storageSettings: StorageSettings | undefined,
): string =>
  JSON.stringify([
    Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1)),
    storageSettings && lifecycleJson(storageSettings),
  ]);

const tagHeaders = (tags: Readonly<Record<string, string>>): Record<string, string> =>
  Object.keys(tags).length > 0 ? { "x-fal-tags": tagsHeader(tags) } : {};

const textTags = (tags: object): Record<string, string> =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  );

async function checkInput(endpoint: string, schema: StandardSchemaV1, input: unknown): Promise<void> {
  const { issues } = await schema["~standard"].validate(input);
  if (issues) throw new InputMismatchError(endpoint, issues.map(plainIssue));
}

/** A Standard Schema issue with its path as text: `images[0].url` reads `images.0.url`. */
export const plainIssue = ({ message, path = [] }: StandardSchemaV1.Issue) => ({
  message,
  path: path.map((part) => String(typeof part === "object" ? part.key : part)).join("."),
});

const DAY_SECONDS = 86_400;

/** A file that expires while the request waits in the queue would make a call fail that may be billed. */
function lifecycleOfInputs(settings: StorageSettings | undefined): StorageSettings | undefined {
  const seconds = settings && expirySeconds(settings);
  if (seconds === undefined || seconds >= DAY_SECONDS) return settings;
  return { ...settings, expiresIn: DAY_SECONDS };
}

const outsideRun = (endpoint: string) =>
  new RunStateError(
    "run_required",
    `The call to ${endpoint} was made outside a run, and this client requires one. Make it inside a chain, or, where ` +
      "the context was lost on the way (a shared worker pool), through the run that the chain was given.",
  );
