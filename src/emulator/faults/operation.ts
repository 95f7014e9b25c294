import type { Address } from "../address.ts";
import { parseQueuePath } from "../endpoint.ts";

export const OPERATIONS = [
  "submit",
  "run",
  "run-stream",
  "status",
  "stream",
  "result",
  "cancel",
  "platform",
  "storage",
  "file",
  "webhook",
  "other",
] as const;
/**
 * What an exchange is about. `run-stream` is a direct call whose answer comes piece by piece, `platform` is all of `/v1`, `storage` announces uploads and gives the keys of webhooks, `file`
 * puts and gets files; a `webhook` is an exchange that the emulator begins.
 */
export type Operation = (typeof OPERATIONS)[number];

/** What a request asks for, as far as its address tells. */
export interface Aim {
  readonly operation: Operation;
  /** Of a submit or a direct call: as it was addressed. */
  readonly endpoint?: string;
  /** Of everything after a submit. */
  readonly requestId?: string;
}

export function aimOf({ path }: Address): Aim {
  const [service = "", ...rest] = path.split("/").slice(1);
  switch (service) {
    case "queue": {
      const aim = parseQueuePath(path.slice("/queue".length));
      if (!aim) return { operation: "other" };
      return aim.kind === "endpoint"
        ? { operation: "submit", endpoint: aim.endpoint }
        : { operation: aim.action, requestId: aim.requestId };
    }
    case "run":
      return { operation: rest.at(-1) === "stream" ? "run-stream" : "run", endpoint: rest.join("/") };
    case "api":
      return { operation: "platform" };
    case "rest":
      return { operation: "storage" };
    case "files":
      return { operation: "file" };
    default:
      return { operation: "other" };
  }
}
