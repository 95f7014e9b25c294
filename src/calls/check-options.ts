import {
  anyText,
  anything,
  callback,
  checkOptions,
  count,
  flag,
  limit,
  milliseconds,
  type OptionsOf,
  oneOf,
  options,
  record,
  signal,
  type Takes,
  text,
} from "../base/options.ts";
import type { StorageSettings } from "../storage/lifecycle.ts";
import { AMBIGUOUS_SUBMIT_POLICIES, type CallOptions } from "./options.ts";

const STORAGE: OptionsOf<StorageSettings> = {
  expiresIn: {
    what: "never, immediate, 1h, 1d, 7d, 30d, 1y, or a number of seconds",
    is: (value) =>
      oneOf(["never", "immediate", "1h", "1d", "7d", "30d", "1y"]).is(value) || count(1).is(value),
  },
  initialAcl: record,
};

const SECONDS: Takes = {
  what: "in seconds, and more than 1",
  is: (value) => typeof value === "number" && value > 1,
};

const WEB_ADDRESS: Takes = {
  what: "an http(s) URL",
  is: (value) => typeof value === "string" && /^https?:$/.test(URL.parse(value)?.protocol ?? ""),
};

const SCHEMA: Takes = {
  what: "a Standard Schema, such as one of zod's",
  is: (value) =>
    (typeof value === "object" || typeof value === "function") && value !== null && "~standard" in value,
};

/** What the input is, and what an endpoint's schema says of it, is checked with the input. */
const CALL: OptionsOf<CallOptions<unknown>> & Readonly<Record<string, Takes>> = {
  input: anything,
  output: SCHEMA,
  step: text,
  onChange: oneOf(["rerun", "reuse"]),
  ambiguousSubmit: oneOf(AMBIGUOUS_SUBMIT_POLICIES),
  tags: record,
  webhookUrl: WEB_ADDRESS,
  priority: oneOf(["low", "normal"]),
  hint: anyText,
  startTimeout: SECONDS,
  storageSettings: options(STORAGE, "storageSettings"),
  headers: record,
  abortSignal: signal,
  logs: flag,
  mode: oneOf(["auto", "streaming", "polling"]),
  pollInterval: milliseconds(5),
  idleTimeout: limit(100, "milliseconds"),
  timeout: limit(1, "milliseconds"),
  cancelOnAbort: flag,
  onEnqueue: callback,
  onQueueUpdate: callback,
  // What asks for a request takes, here and with the official client.
  requestId: anything,
  method: anything,
  connectionMode: anything,
};

/**
 * What a call was told that cannot be meant, found before anything is sent.
 *
 * @throws {InvalidArgumentError} naming the option and what it takes, or the nearest one that there is.
 */
export const checkCallOptions = (given: object): void =>
  checkOptions(given, CALL, { so: "Nothing was sent." });
