import type { Transport } from "../base/transport.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { REQUEST_ID, type Ticket } from "../journal/call.ts";
import { answerOf } from "./answer.ts";
import type { EndpointAddress } from "./endpoint.ts";
import type { StreamedCall, Submits } from "./queue.ts";
import { readStream, streamAddress, streamRequest } from "./stream.ts";

export interface Direct extends Submits {
  /** Where an endpoint streams. */
  streamAddress(endpoint: string, how: Pick<StreamedCall, "url" | "query">): string;
}

/**
 * Calls without the queue: the answer to the POST is the result. fal ends a request whose caller hangs up.
 * Source: https://fal.ai/docs/api-reference/inference-api
 *
 * @param base Where direct calls go. @param queue What the request is asked of should it have to be found again.
 */
export function createDirect(transport: Transport, base: () => string, queue: () => string): Direct {
  const ticketOf = ({ id: endpoint }: EndpointAddress, headers: Headers): Ticket => {
    const id = headers.get("x-fal-request-id") ?? "";
    // That each answer names its request is not established: one that does not is told from all others all the same.
    const requestId = REQUEST_ID.test(id) ? id : `direct-${crypto.randomUUID()}`;
    return { endpoint, requestId, queue: queue() };
  };
  return {
    streamAddress: (endpoint, how) => streamAddress(`${base()}/${endpoint}`, how),
    whenReachable: ({ endpoint, signal, deadline }) =>
      transport.whenReachable({
        ...{ operation: "direct", method: "POST", url: base(), endpoint: endpoint.id },
        ...{ signal, deadline },
      }),
    async submit({ endpoint, headers, webhookUrl: _, stream, ...rest }) {
      const request = {
        ...rest,
        operation: "direct",
        method: "POST",
        url: `${base()}/${endpoint.id}`,
        headers: { ...headers, "content-type": "application/json" },
        endpoint: endpoint.id,
      } as const;
      if (stream) {
        const streamed = await streamRequest(request, stream);
        // A token is no better off elsewhere than the key.
        if (!transport.mayFollow(streamed.url)) throw notFals(streamed.url);
        return transport.stream(streamed, stream.onBytes, (reply) => {
          const ticket = ticketOf(endpoint, reply.headers);
          return { ticket, position: undefined, rest: readStream(reply, ticket, stream) };
        });
      }
      return transport.send(request, (reply) => {
        const { answer, credence } = answerOf(reply);
        if (credence === "strangers") throw new Error("it is not JSON, and not fal's");
        return { ticket: ticketOf(endpoint, reply.headers), position: undefined, answer };
      });
    },
  };
}

const notFals = (url: string) =>
  new InvalidArgumentError(
    `${URL.parse(url)?.origin ?? "The address"} is not an origin of fal. Nothing was sent.`,
  );
