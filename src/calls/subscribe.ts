import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Attribution, currentAttribution } from "../attribution/context.ts";
import { type ReplyListener, replyListener } from "../attribution/onward.ts";
import { RunStateError } from "../errors/runs.ts";
import type { Ticket } from "../journal/call.ts";
import {
  type AnyEndpoint,
  type EndpointId,
  idOf,
  type OutputOf,
  parseEndpointId,
} from "../queue/endpoint.ts";
import { startCall } from "./call.ts";
import { currentCaller } from "./caller.ts";
import { type CallContext, type CallOptions, prepare, type Upload, type WatchSettings } from "./options.ts";
import type { Call, CallDeps, CallPlan } from "./plan.ts";
import type { AmbiguousSubmitPolicy } from "./submit.ts";

export interface AttachOptions<S extends StandardSchemaV1 | undefined = undefined> extends WatchSettings {
  readonly requestId: string;
  readonly output?: S;
}

/** Makes calls: `subscribe` starts a new one, `attach` picks up a request that exists already. */
export interface Calls {
  subscribe<const T extends EndpointId | AnyEndpoint, S extends StandardSchemaV1 | undefined = undefined>(
    endpoint: T,
    options: CallOptions<T, S>,
  ): Call<OutputOf<T, S>>;
  attach<const T extends EndpointId | AnyEndpoint, S extends StandardSchemaV1 | undefined = undefined>(
    endpoint: T,
    options: AttachOptions<S>,
  ): Call<OutputOf<T, S>>;
}

export interface SubscribeDeps extends CallDeps {
  /** Asked once for each call, at the moment of the call. */
  readonly context: () => CallContext;
  readonly requireRun: boolean;
  readonly upload: Upload;
}

export function createCalls(deps: SubscribeDeps): Calls {
  const start = <O>(
    target: EndpointId | AnyEndpoint,
    settings: WatchSettings & {
      readonly output?: StandardSchemaV1 | undefined;
      readonly step?: string;
      readonly onChange?: "rerun" | "reuse";
      readonly ambiguousSubmit?: AmbiguousSubmitPolicy;
    },
    begin: CallPlan["begin"],
  ): Call<O> =>
    startCall<O>(deps, {
      endpoint: idOf(target),
      step: settings.step,
      onChange: settings.onChange,
      ambiguousSubmit: settings.ambiguousSubmit,
      caller: currentCaller(),
      settings,
      output: settings.output ?? (typeof target === "object" ? target.schemas.output : undefined),
      begin,
    });

  return {
    subscribe(target, options) {
      warnOfLongStart(deps, options.startTimeout);
      const inRun = currentCaller() !== undefined;
      // The context is where the call is made, not where its promise is awaited; a bad one is the call's rejection.
      const context = attempt(deps.context);
      return start(target, options, {
        prepare: async (signal) => {
          if (deps.requireRun && !inRun) throw outsideRun(idOf(target));
          return prepare(target, options, context(), deps.upload, signal);
        },
      });
    },

    attach(target, options) {
      const { incoming } = currentAttribution();
      return start(target, options, {
        attach: () => ticketOf(deps, target, options.requestId),
        heard: () => listenerFor(incoming, target),
      });
    },
  };
}

export const listenerFor = (
  incoming: Attribution["incoming"],
  target: EndpointId | AnyEndpoint,
): ReplyListener | undefined => replyListener(incoming, parseEndpointId(idOf(target)).app);

export const ticketOf = (deps: CallDeps, target: EndpointId | AnyEndpoint, requestId: string): Ticket =>
  deps.queue.ticket(parseEndpointId(idOf(target)), requestId);

/** fal's unit is the second; a number this large was most likely meant in milliseconds. */
export function warnOfLongStart({ report }: CallDeps, startTimeout: number | undefined): void {
  if (startTimeout === undefined || !(startTimeout > 3600)) return;
  report(
    "startTimeout is in seconds",
    new Error(`${startTimeout} is more than an hour; was it meant in milliseconds?`),
  );
}

/** Does it now, and throws later. */
function attempt<T>(read: () => T): () => T {
  try {
    const value = read();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

export const outsideRun = (endpoint: string) =>
  new RunStateError(
    "run_required",
    `The call to ${endpoint} was made outside a run, and this client requires one. Make it inside a chain, or, where ` +
      "the context was lost on the way (a shared worker pool), through the run that the chain was given.",
  );
