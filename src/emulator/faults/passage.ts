import type { Clock } from "../../base/clock.ts";
import type { Address } from "../address.ts";
import { brokenConnection } from "../connection.ts";
import type { Hooks } from "../hooks/hooks.ts";
import type { Outcome } from "../job.ts";
import type { Machine } from "../machine.ts";
import type { ReceivedRequest } from "../received.ts";
import { plainError } from "../replies.ts";
import { canHappenTo, type Fault, faultFrom } from "./fault.ts";
import { inflict } from "./inflict.ts";
import { aimOf } from "./operation.ts";
import type { FaultPlan, Occasion } from "./plan.ts";

/** A request says with it what shall go wrong with it; a submit also what shall go wrong later. */
const HEADER = "x-emulator-fault";

export interface PassageOptions {
  readonly plan: FaultPlan;
  readonly machine: Machine;
  readonly clock: Clock;
  readonly concurrency: number;
  readonly hooks: Pick<Hooks, "tried">;
  /** Fires when the emulator closes. */
  readonly closing: AbortSignal;
}

/**
 * Every exchange passes here, before the emulator acts and after: the one place in which it can go wrong. It gives the
 * answer, or throws the broken connection that the client sees instead.
 */
export type Passage = (
  request: Request,
  address: Address,
  act: (fate?: Outcome) => Promise<Response>,
  record: ReceivedRequest,
) => Promise<Response>;

export function createPassage({
  plan,
  machine,
  clock,
  concurrency,
  hooks,
  closing,
}: PassageOptions): Passage {
  return async (request, address, act, record) => {
    const asked = request.headers.get(HEADER);
    // A browser's question beforehand is not the exchange.
    if ((asked === null && !plan.active) || request.method === "OPTIONS") return act();
    const occasion = occasionOf(address);
    let own: Fault | undefined;
    try {
      own = asked === null ? undefined : faultFrom(asked);
    } catch (error) {
      return plainError(400, `${HEADER}: ${error instanceof Error ? error.message : String(error)}`);
    }
    const happensNow = own && canHappenTo(own, occasion.operation);
    const fault = happensNow ? own : plan.pick(occasion);
    record.fault = fault;
    const later = own && !happensNow && occasion.operation === "submit" ? own : undefined;
    const accept: typeof act = async (fate) => {
      const answer = await act(fate);
      const requestId = answer.headers.get("x-fal-request-id");
      if (later && requestId) plan.next({ requestId }, later);
      return answer;
    };
    if (!fault) return accept();
    const over = AbortSignal.any([request.signal, closing]);
    try {
      const hookTried = async (requestId: string) => {
        const job = machine.jobs.get(requestId);
        if (job) await hooks.tried(job);
      };
      const exchange = { ...occasion, clock, concurrency, over, act: accept, hookTried };
      return readable(await inflict(fault, exchange));
    } catch (error) {
      throw closing.aborted ? brokenConnection("UND_ERR_SOCKET") : error;
    }
  };

  function occasionOf(address: Address): Occasion {
    const { operation, endpoint, requestId } = aimOf(address);
    const job = requestId === undefined ? undefined : machine.jobs.get(requestId);
    return { operation, requestId, endpoint: endpoint ?? job?.endpoint };
  }
}

/** Browsers show scripts no answer without this, and what goes wrong shall be seen. */
function readable(answer: Response): Response {
  answer.headers.set("access-control-allow-origin", "*");
  answer.headers.set("access-control-expose-headers", "*");
  return answer;
}
