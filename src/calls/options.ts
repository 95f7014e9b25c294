import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Accounts } from "../attribution/accounts.ts";
import { type Attribution, currentAttribution, type OfRun } from "../attribution/context.ts";
import { type ReplyListener, replyListener, rootOf, withOnward } from "../attribution/onward.ts";
import { parseTagsHeader, tagsHeader, type UserTags, wireTags } from "../attribution/tags.ts";
import { nearest } from "../base/text.ts";
import { InputMismatchError, InvalidArgumentError } from "../errors/arguments.ts";
import type { CallFor } from "../journal/call.ts";
import { type AnyEndpoint, type EndpointId, type InputOf, idOf, parseEndpointId } from "../queue/endpoint.ts";
import type { Submission } from "../queue/queue.ts";
import { digestOf, takeInput } from "../storage/attachments.ts";
import { expirySeconds, lifecycleJson, type StorageSettings } from "../storage/lifecycle.ts";
import { currentCaller } from "./caller.ts";
import type { QueueStatus } from "./queue-status.ts";
import type { AmbiguousSubmitPolicy } from "./submit.ts";

export interface SubmitSettings {
  /** Up to five tags of your own, for billing. */
  readonly tags?: UserTags;
  /** fal will POST the result here. */
  readonly webhookUrl?: string;
  /** `low` waits behind every `normal` request. @default "normal" */
  readonly priority?: "low" | "normal";
  /** Requests with the same hint go to the same runner where possible. */
  readonly hint?: string;
  /** Seconds, more than 1: a request that has not started by then is given up by fal. */
  readonly startTimeout?: number;
  /**
   * How long fal keeps the files that the call makes, and who may read them. Blobs of the input are uploaded with the
   * same settings, but live a day at least: they are read only when the request's turn has come.
   */
  readonly storageSettings?: StorageSettings;
  /** Further headers for the submit. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly abortSignal?: AbortSignal;
}

export interface WatchSettings {
  /** Ask for the model's log lines. @default false */
  readonly logs?: boolean;
  /** How the status arrives. `auto` and `streaming` prefer server-sent events and poll where they fail. @default "auto" */
  readonly mode?: "auto" | "streaming" | "polling";
  /** Milliseconds between two polls. @default 500, growing to 5000 while nothing changes */
  readonly pollInterval?: number;
  /** Milliseconds without a sign of life on a stream (fal sends one every 15 s) before it is reopened. @default 45000 */
  readonly idleTimeout?: number;
  /** Milliseconds for the whole call, from the first attempt to the result. @default none */
  readonly timeout?: number;
  /** Whether giving up cancels the request upstream. @default true */
  readonly cancelOnAbort?: boolean;
  readonly abortSignal?: AbortSignal;
  /** The request has an id. */
  readonly onEnqueue?: (requestId: string) => void;
  /** The status changed; `logs` are all lines so far. */
  readonly onQueueUpdate?: (status: QueueStatus) => void;
}

export interface SubmitOptions<T> extends SubmitSettings {
  readonly input: InputOf<T>;
  readonly ambiguousSubmit?: AmbiguousSubmitPolicy;
}

export interface CallOptions<T, S extends StandardSchemaV1 | undefined = undefined>
  extends SubmitSettings,
    WatchSettings {
  readonly input: InputOf<T>;
  /** A schema that this call's output must satisfy; it also gives the output its type. */
  readonly output?: S;
  /** What the call is called within its run. @default the endpoint id */
  readonly step?: string;
  /**
   * Within a run, where this `step` was there before with another input: pay for it again, or keep what it gave.
   *
   * @default a StepInputChangedError
   */
  readonly onChange?: "rerun" | "reuse";
  readonly ambiguousSubmit?: AmbiguousSubmitPolicy;
  readonly abortSignal?: AbortSignal;
}

/** Who calls and from where, taken at the moment of the call and not later. */
export interface CallContext {
  readonly attribution: Attribution;
  /** Undefined outside of any run. */
  readonly of: OfRun | undefined;
  readonly jobId: string | undefined;
  readonly app: string | undefined;
  readonly accounts: Accounts;
}

export const contextNow = (
  identity: { readonly jobId: string | undefined; readonly appName: string | undefined },
  accounts: Accounts,
): CallContext => ({
  attribution: currentAttribution(),
  of: currentCaller()?.of,
  jobId: identity.jobId,
  app: identity.appName,
  accounts,
});

/** A submit that lacks nothing but its files, and what is noted of it. */
export interface Prepared {
  /** The input's JSON with the digest of each file in its place: what is asked for, wherever the files will be. */
  readonly content: string;
  /** Uploads the files. @param memo Gives the URL that a file got before, or uploads it. */
  complete(memo?: UploadMemo): Promise<Submission>;
  readonly attribution: Omit<CallFor, "step">;
  /** Takes from the headers of the result's reply what belongs to the incoming request. */
  readonly heard: ReplyListener | undefined;
}

/** Makes a URL of a file. */
export type Upload = (
  file: Blob,
  options: {
    readonly lifecycle?: StorageSettings | undefined;
    readonly abortSignal?: AbortSignal | undefined;
  },
) => Promise<string>;

export type UploadMemo = (digest: string, upload: () => Promise<string>) => Promise<string>;

/** What can be known to be wrong before anything is sent, is found here. */
export async function prepare(
  target: EndpointId | AnyEndpoint,
  options: SubmitSettings & { readonly input: unknown },
  context: CallContext,
  upload: Upload,
  abortSignal: AbortSignal | undefined,
): Promise<Prepared> {
  const endpoint = parseEndpointId(idOf(target));
  const input = options.input ?? {};
  if (typeof input !== "object" || Array.isArray(input)) {
    throw new InvalidArgumentError(
      `The input of ${endpoint.id} is ${typeof input}, not an object of fields.`,
    );
  }
  // All that was given is taken before the first pause: the caller's objects may be others' afterwards.
  const taken = takeInput(input);
  const { tagged, headers } = splitHeaders(options.headers);
  const { attribution, of, jobId, app, accounts } = context;
  const { request, incoming } = attribution;
  const given = { ...attribution.tags, ...tagged, ...options.tags };
  const asked = platformHeaders(options);
  const webhookUrl = webhook(options.webhookUrl);
  const lifecycle = ofInputs(options.storageSettings);
  if (typeof target === "object") await checkInput(endpoint.id, target.schemas.input, input);

  const { chain, run } = of ?? {};
  const tags = await wireTags({ job_id: jobId, app, chain, run, request }, given);
  const root = await rootOf(of, attribution, jobId);
  const checked = {
    endpoint,
    headers: sendable({
      ...(await withOnward(headers, { root, incoming, accounts, app: endpoint.app })),
      ...asked,
      ...(hasKeys(tags) && { "x-fal-tags": tagsHeader(tags) }),
    }),
    webhookUrl,
  };
  const content = await taken.json(digestOf);
  const complete = async (memo: UploadMemo = (_, upload) => upload()): Promise<Submission> => {
    if (!taken.hasFiles) return { ...checked, body: content };
    const body = await taken.json(async (file) =>
      memo(await digestOf(file), () => upload(file, { lifecycle, abortSignal })),
    );
    return { ...checked, body };
  };
  const userTags = Object.fromEntries(
    Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  );
  const roots = {
    rootRun: root.run,
    rootJob: root.job,
    claimedRoot: of ? of.claimedRoot : incoming?.claimedRoot,
  };
  return {
    content,
    complete,
    attribution: { tags, userTags, chain, run, jobId, app, request, ...roots },
    heard: replyListener(incoming, endpoint.app),
  };
}

async function checkInput(endpoint: string, schema: StandardSchemaV1, input: unknown): Promise<void> {
  const { issues } = await schema["~standard"].validate(input);
  if (issues) throw new InputMismatchError(endpoint, issues.map(plainIssue));
}

/** A Standard Schema issue with its path as text: `images[0].url` reads `images.0.url`. */
export const plainIssue = ({ message, path = [] }: StandardSchemaV1.Issue) => ({
  message,
  path: path.map((part) => String(typeof part === "object" ? part.key : part)).join("."),
});

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

const DAY_SECONDS = 86_400;

/** A file that expires while the request waits in the queue would make a call fail that may be billed. */
function ofInputs(settings: StorageSettings | undefined): StorageSettings | undefined {
  const seconds = settings && expirySeconds(settings);
  if (seconds === undefined || seconds >= DAY_SECONDS) return settings;
  return { ...settings, expiresIn: DAY_SECONDS };
}

const hasKeys = (object: object): boolean => Object.keys(object).length > 0;

/** https://fal.ai/docs/documentation/model-apis/common-parameters */
function platformHeaders({ priority, hint, startTimeout, storageSettings }: SubmitSettings) {
  const headers: Record<string, string> = {};
  if (priority !== undefined)
    headers["x-fal-queue-priority"] = oneOf("priority", priority, ["low", "normal"]);
  if (hint !== undefined) headers["x-fal-runner-hint"] = hint;
  if (startTimeout !== undefined) {
    if (!(startTimeout > 1)) {
      throw new InvalidArgumentError(`startTimeout is ${startTimeout}; it is in seconds, and more than 1.`);
    }
    // The newer name wins where it is known; older deployments know the other one.
    headers["x-fal-request-start-timeout"] = String(startTimeout);
    headers["x-fal-request-timeout"] = String(startTimeout);
  }
  const lifecycle = lifecycleJson(storageSettings);
  if (lifecycle) headers["x-fal-object-lifecycle-preference"] = lifecycle;
  return headers;
}

function webhook(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new InvalidArgumentError("webhookUrl is not an http(s) URL.");
  }
  return url;
}

export function oneOf<const T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found) return found;
  const meant = nearest(value, allowed);
  throw new InvalidArgumentError(
    `${name} is ${JSON.stringify(value)}; it is one of ${allowed.join(", ")}.${meant ? ` Did you mean "${meant}"?` : ""}`,
  );
}
