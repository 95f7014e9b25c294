import { Hono } from "hono";
import type { FaultPlan } from "../faults/plan.ts";
import { follow } from "../faults/script.ts";
import { type JobView, viewOf } from "../job.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import type { ReceivedRequest } from "../received.ts";
import { json, plainError } from "../replies.ts";

/** What an emulator can be told and asked besides what fal can. */
export interface Inspected {
  readonly plan: FaultPlan;
  readonly received: readonly ReceivedRequest[];
  reset(): void;
  snapshot(): string;
  restore(snapshot: string): void;
}

/**
 * `/_emulator/…`: what was accepted and billed, what was received, faults, and beginning anew; for tests in any language.
 * Only by the emulator's own address, so that no path of fal's can lead here.
 */
export function inspectionRoutes(
  { machine }: Platform,
  { plan, received, reset, snapshot, restore }: Inspected,
): Hono<RouteEnv> {
  const jobs = (endpoint: string | undefined) =>
    [...machine.jobs.values()].filter((job) => endpoint === undefined || job.endpoint === endpoint);
  return new Hono<RouteEnv>()
    .get("/_emulator/requests", (c) =>
      json({ requests: jobs(c.req.query("endpoint")).map(viewOf).map(rowOf) }),
    )
    .get("/_emulator/received", () => json({ received }))
    .get("/_emulator/faults", () => json({ pending: plan.pending }))
    .post("/_emulator/faults", (c) => {
      try {
        follow(plan, JSON.parse(new TextDecoder().decode(c.env.body)));
        return json({ pending: plan.pending });
      } catch (error) {
        return plainError(400, error instanceof Error ? error.message : String(error));
      }
    })
    .delete("/_emulator/faults", () => {
      plan.clear();
      return json({ pending: 0 });
    })
    .get(
      "/_emulator/snapshot",
      () => new Response(snapshot(), { headers: { "content-type": "application/json" } }),
    )
    .post("/_emulator/restore", (c) => {
      try {
        restore(new TextDecoder().decode(c.env.body));
        return json({ requests: machine.jobs.size });
      } catch (error) {
        return plainError(400, (error as Error).message);
      }
    })
    .post("/_emulator/reset", () => {
      reset();
      return json({ requests: [] });
    });
}

const rowOf = ({ requestId, endpoint, account, state, input, tags, ...job }: JobView) => ({
  ...{ request_id: requestId, endpoint, account, state, input, tags },
  submitted_at: new Date(job.submittedAt).toISOString(),
  billed_units: state === "COMPLETED" ? (job.billableUnits ?? 0) : null,
  cancelled: job.cancelled,
  error: job.error ?? null,
});
