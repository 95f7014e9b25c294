import { abortable } from "../base/signal.ts";
import { LeaseLostError, RunStateError } from "../errors/runs.ts";
import type { Intent, Ticket } from "../journal/call.ts";
import { runName } from "../journal/run-name.ts";
import type { FoundStep } from "./enclosing-run.ts";
import { announce, type LiveCall, tellStatus } from "./live-call.ts";
import { policyOf } from "./options.ts";
import { post } from "./post.ts";
import { bodyOf, type Prepared } from "./prepare.ts";
import type { Services } from "./services.ts";

/**
 * The one way to spend money: reserve, wait for a slot, note the intent, POST. What is accepted is announced.
 *
 * @param replaces The call whose place this one takes.
 * @throws {BudgetExceededError | UnknownPriceError | LeaseLostError | StoreError} before anything is sent.
 * @throws {AmbiguousSubmitError} with what was found out.
 */
export async function send(
  services: Services,
  call: LiveCall,
  prepared: Prepared,
  found: FoundStep | undefined,
  replaces: string | undefined,
): Promise<Ticket> {
  const { store, queue, clock, slots } = services;
  const { id, settings } = call;
  const { signal } = call.giveUp;
  const policy = policyOf(services, settings);
  call.body ??= await abortable(bodyOf(services, prepared, found, signal), signal);
  const { body, ...hooked } = await withHook(services, call, prepared, call.body);
  const wanted = { endpoint: prepared.endpoint.id, body, for: prepared.for };
  const reservations = await abortable(services.reserve(wanted, call.run?.budgets ?? []), signal);
  // The timeout may come while fal refuses: then the refusal is the better error, so it is not waited out.
  const deadline = settings.timeout === undefined ? undefined : call.startedAt + settings.timeout;
  await abortable(queue.whenReachable({ endpoint: prepared.endpoint, signal, deadline }), signal);
  call.slot = await slots?.take(id, signal);

  const intent: Intent = { id, ...wanted, queue: queue.base, key: found?.key, at: clock.now() };
  const terms = { fence: found?.fence, replaces, reserve: reservations(intent.at) };
  await store.calls.intend(intent, terms).catch((error: unknown) => unlessOtherStore(services, call, error));
  call.notedAs = id;
  signal.throwIfAborted();
  call.observer?.sending(body);

  call.times.submitted = clock.now();
  const submission = { endpoint: prepared.endpoint, body, ...hooked, deadline, permit: found?.permit };
  const accepting = post(services, intent, { submission, policy, signal, reservations });
  call.accepting = accepting;
  // Should the call give up meanwhile, the POST goes on, and who cancels its request waits for the answer.
  accepting.then(
    ({ ticket }) => {
      call.ticket = ticket;
    },
    () => {},
  );
  const { ticket, position } = await abortable(accepting, signal);
  announce(services, call, ticket, prepared.for.tags);
  tellStatus(services, call, { status: "IN_QUEUE", queue_position: position }, {});
  return ticket;
}

/** A call that has a hook of its own is watched as any other: whoever gets that hook is not this client. */
async function withHook(
  { hooks }: Services,
  call: LiveCall,
  { headers, webhookUrl }: Prepared,
  body: string,
) {
  if (!hooks || webhookUrl !== undefined) return { body, headers, webhookUrl };
  call.isHooked = true;
  // The result must outlive its time in the queue: the sweep may come later.
  return {
    body,
    headers: { ...headers, "x-fal-store-io": "1" },
    webhookUrl: await hooks.addressOf(call.id),
  };
}

/** A store that has never heard of the run says that it is not ours. */
async function unlessOtherStore({ store }: Services, call: LiveCall, error: unknown): Promise<never> {
  const { chain = "", run = "" } = call.run?.of ?? {};
  if (!(error instanceof LeaseLostError) || (await store.runs.get(chain, run))) throw error;
  throw new RunStateError(
    "run_elsewhere",
    `The call to ${call.endpoint} was made within the run ${runName(chain, run)} by another client, whose store ` +
      `(${store.name}) does not have that run: it could not be found again. Nothing was sent. Give both clients the same ` +
      "store.",
  );
}
