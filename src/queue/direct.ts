import type { Transport } from "../base/transport.ts";
import { REQUEST_ID } from "../journal/call.ts";
import { answerOf } from "./answer.ts";
import type { Submits } from "./queue.ts";

/**
 * Calls without the queue: the answer to the POST is the result. fal ends a request whose caller hangs up.
 * Source: https://fal.ai/docs/api-reference/inference-api
 *
 * @param base Where direct calls go. @param queue What the request is asked of should it have to be found again.
 */
export function createDirect(transport: Transport, base: () => string, queue: () => string): Submits {
  return {
    whenReachable: ({ endpoint, signal, deadline }) =>
      transport.whenReachable({
        ...{ operation: "direct", method: "POST", url: base(), endpoint: endpoint.id },
        ...{ signal, deadline },
      }),
    async submit({ endpoint, headers, webhookUrl: _, ...rest }) {
      const request = {
        ...rest,
        operation: "direct",
        method: "POST",
        url: `${base()}/${endpoint.id}`,
        headers: { ...headers, "content-type": "application/json" },
        endpoint: endpoint.id,
      } as const;
      return transport.send(request, (reply) => {
        const { answer, credence } = answerOf(reply);
        if (credence === "strangers") throw new Error("it is not JSON, and not fal's");
        const id = reply.headers.get("x-fal-request-id") ?? "";
        // That each answer names its request is not established: one that does not is told from all others all the same.
        const requestId = REQUEST_ID.test(id) ? id : `direct-${crypto.randomUUID()}`;
        return { ticket: { endpoint: endpoint.id, requestId, queue: queue() }, position: undefined, answer };
      });
    },
  };
}
