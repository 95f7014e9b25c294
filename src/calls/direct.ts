import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { type AnyEndpoint, type EndpointId, idOf, type OutputOf } from "../queue/endpoint.ts";
import { perform, settingsFor, startCall } from "./call.ts";
import { currentRun } from "./enclosing-run.ts";
import type { Result } from "./events.ts";
import { liveCall } from "./live-call.ts";
import type { CallOptions } from "./options.ts";
import { prepare } from "./prepare.ts";
import type { Services } from "./services.ts";

/** What a direct call takes: there is nothing to watch, and nobody to call back. */
export type DirectOptions<T, S extends StandardSchemaV1 | undefined = undefined> = Omit<
  CallOptions<T, S>,
  "webhookUrl" | "priority" | "logs" | "mode" | "pollInterval" | "idleTimeout" | "onEnqueue" | "onQueueUpdate"
>;

/**
 * Calls an endpoint without the queue: the answer is the result. Within a run it goes through the queue like `subscribe`,
 * so that it is found again and not paid for twice. Nothing says how it gets on; giving it up ends it on fal, too.
 * An answer that is lost on the way is looked for in the account's request history.
 *
 * @example const { data } = await fal.run("fal-ai/flux/schnell", { input: { prompt: "a fox" } });
 * @throws {ApiError} with what the model says. @throws {AmbiguousSubmitError} where it may or may not have been called.
 */
export type RunDirectly = <
  const T extends EndpointId | AnyEndpoint,
  S extends StandardSchemaV1 | undefined = undefined,
>(
  endpoint: T,
  options: DirectOptions<T, S>,
) => Promise<Result<OutputOf<T, S>>>;

/** Within a run the queue has what a direct call has not: a request that a resumed run finds again. */
export function runDirectly<O>(
  services: Services,
  target: EndpointId | AnyEndpoint,
  options: DirectOptions<unknown, StandardSchemaV1 | undefined>,
): Promise<Result<O>> {
  const isDirect = currentRun() === undefined;
  const call = liveCall<O>(services, idOf(target), settingsFor(target, options), { isDirect });
  // A promise of the language does not tell whether it is awaited.
  call.isHeard = true;
  const prepared = () => prepare(services, target, withoutHook(options));
  const outcome = Promise.resolve(startCall(services, call, () => perform(services, call, prepared())));
  if (!isDirect) outcome.catch(() => {});
  return outcome;
}

function withoutHook<O extends object>(options: O): O {
  if (!("webhookUrl" in options) || options.webhookUrl === undefined) return options;
  throw new InvalidArgumentError(
    "webhookUrl is an option of subscribe and queue.submit: the answer to a direct call is its result. Nothing was sent.",
  );
}
