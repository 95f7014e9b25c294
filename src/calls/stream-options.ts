import type { StandardSchemaV1 } from "@standard-schema/spec";
import {
  anyText,
  callback,
  checkOptions,
  flag,
  limit,
  type OptionsOf,
  oneOf,
  record,
  signal,
} from "../base/options.ts";
import type { AmbiguousSubmitPolicy, Reuse } from "./options.ts";
import { CALL, type StepSettings, type SubmitSettings } from "./options.ts";

/** Gives a temporary token for an app, such as one that your server asks fal for. @param app Such as `acme/painter/stream`. */
export type TokenProvider = (app: string) => Promise<string>;

/** Those of the official client, and those of `run`. */
export interface StreamOptions<Input, S extends StandardSchemaV1 | undefined = undefined>
  extends Pick<SubmitSettings, "tags" | "hint" | "startTimeout" | "storageSettings" | "headers">,
    StepSettings {
  readonly input?: Input;
  /** A schema that the last event must satisfy; it also gives the events their type. */
  readonly output?: S;
  /** Where to ask instead of at the endpoint's own address: an address of fal's. */
  readonly url?: string;
  /** Added to the address, where it is the endpoint's own. */
  readonly queryParams?: Record<string, string>;
  /** Milliseconds without a sign of life, once the answer has begun, after which it is given up. @default 300000 */
  readonly timeout?: number;
  /** Accepted for the official client's sake: files are uploaded whatever it says, since JSON has no other way for them. */
  readonly autoUpload?: boolean;
  /** @default "post"; with `get` no input is sent */
  readonly method?: "get" | "post" | "put" | "delete" | (string & {});
  /** What kind of answer is wanted. @default "text/event-stream" */
  readonly accept?: string;
  /** `client` asks with a temporary token instead of the key. @default "server" */
  readonly connectionMode?: "client" | "server";
  /** Closes the stream. */
  readonly signal?: AbortSignal;
  /** Gives the token for `connectionMode: "client"`. @default fal is asked for one, with the key */
  readonly tokenProvider?: TokenProvider;
  readonly ambiguousSubmit?: AmbiguousSubmitPolicy;
  /** As of any call: the last event of an equal stream is then the only one. */
  readonly reuse?: Reuse | false;
  /** Whether giving up closes the connection, which ends the request on fal. @default true */
  readonly cancelOnAbort?: boolean;
}

const STREAM: OptionsOf<StreamOptions<unknown, StandardSchemaV1 | undefined>> = {
  ...pick("input", "output", "step", "onChange", "ambiguousSubmit", "tags", "hint", "startTimeout", "reuse"),
  ...pick("storageSettings", "headers", "cancelOnAbort"),
  url: { what: "an http(s) URL", is: (value) => typeof value === "string" && /^https?:\/\/./.test(value) },
  queryParams: record,
  timeout: limit(1, "milliseconds"),
  autoUpload: flag,
  method: { what: "an HTTP method", is: (value) => typeof value === "string" && /^[a-z]+$/i.test(value) },
  accept: anyText,
  connectionMode: oneOf(["client", "server"]),
  signal,
  tokenProvider: callback,
};

function pick<K extends keyof typeof CALL>(...names: readonly K[]): Pick<typeof CALL, K> {
  return Object.fromEntries(names.map((name) => [name, CALL[name]])) as Pick<typeof CALL, K>;
}

/** @throws {InvalidArgumentError} naming the option that cannot be meant, before anything is sent. */
export const checkStreamOptions = (options: object): void =>
  checkOptions(options, STREAM, { so: "Nothing was sent." });
