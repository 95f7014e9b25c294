import type { CompletedQueueStatus, QueueStatus } from "./calls/queue-status.ts";
import { FalError } from "./errors/fal-error.ts";
import type { Fal } from "./fal.ts";
import { parseEndpointId as addressOf } from "./queue/endpoint.ts";
import type { StorageSettings } from "./storage/lifecycle.ts";

// What the official client has under these names, so that a program keeps running when its import is changed.

export type { InProgressQueueStatus, InQueueQueueStatus, Metrics } from "./calls/queue-status.ts";
export { createFal as createFalClient } from "./client.ts";
export type { Fal as FalClient } from "./fal.ts";
export type {
  EndpointId as EndpointType,
  InputOf as InputType,
  OutputOf as OutputType,
} from "./queue/endpoint.ts";

/** What a call takes whichever way it is made, by the type of its input. */
export interface RunOptions<Input> {
  readonly input?: Input;
  /** @default "post", and fal takes no other */
  readonly method?: string;
  readonly abortSignal?: AbortSignal;
  /** How long fal keeps the files that the call makes. */
  readonly storageSettings?: StorageSettings;
  /** Seconds, more than 1: a request that has not started by then is given up by fal. */
  readonly startTimeout?: number;
}

/** The parts of an address around an endpoint id. */
export interface UrlOptions {
  readonly subdomain?: string;
  readonly query?: Record<string, string>;
  path?: string;
}

/** Whether something is a status of a request in fal's queue. */
export function isQueueStatus(value: unknown): value is QueueStatus {
  if (typeof value !== "object" || value === null) return false;
  const { status, response_url } = value as { readonly status?: unknown; readonly response_url?: unknown };
  return typeof response_url === "string" && STATUSES.includes(status);
}

const STATUSES: readonly unknown[] = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"];

/** Whether it is the one of a request that is over: a failed request is completed too. */
export const isCompletedQueueStatus = (value: unknown): value is CompletedQueueStatus =>
  isQueueStatus(value) && value.status === "COMPLETED";
/** What `fal.streaming` has. */
export type StreamingClient = Fal["streaming"];

/** What fal's webhooks have for a body: https://fal.ai/docs/documentation/model-apis/inference/webhooks */
// biome-ignore lint/suspicious/noExplicitAny: what a model gives, only its caller knows
export type WebHookResponse<Payload = any> =
  | { readonly status: "OK"; readonly payload: Payload; readonly error: never; readonly request_id: string }
  | {
      readonly status: "ERROR";
      readonly payload: Payload;
      readonly error: string;
      readonly request_id: string;
    };

/** The parts of an endpoint id. */
export interface EndpointParts {
  readonly owner: string;
  readonly alias: string;
  readonly path: string | undefined;
  readonly namespace: string | undefined;
}

/**
 * Takes an endpoint id apart: `owner/alias/path`, with `workflows` or `comfy` before it.
 *
 * @example parseEndpointId("fal-ai/flux/schnell"); // { owner: "fal-ai", alias: "flux", path: "schnell", … }
 * @throws {InvalidArgumentError} for what is no endpoint id.
 */
export function parseEndpointId(id: string): EndpointParts {
  const { id: whole, app } = addressOf(id);
  const [alias = "", owner = "", namespace] = app.split("/").reverse();
  return { owner, alias, path: whole.slice(app.length + 1) || undefined, namespace };
}

/**
 * Whether it may help to try again what failed so. That does not say that it costs nothing: `error.billed` does, and
 * `subscribe` has an option `retry` that heeds it.
 *
 * @param statuses HTTP statuses to try again, in place of what the errors themselves say.
 */
export function isRetryableError(error: unknown, statuses?: readonly number[]): boolean {
  if (!(error instanceof FalError)) return false;
  const { status } = error as { readonly status?: unknown };
  return statuses && typeof status === "number" ? statuses.includes(status) : error.retryable;
}
