import { OPERATIONS, type Operation } from "./operation.ts";

/** Which exchanges a scripted fault is for. What is left out matches everything that the fault can happen to. */
export interface FaultMatch {
  readonly operation?: Operation;
  /** The endpoint that was submitted to, whole (`fal-ai/flux/schnell`), or a part of one that exists (`esrgan`). */
  readonly endpoint?: string;
  readonly requestId?: string;
  /** 3: the two exchanges before, counted from now, go well. @default 1 */
  readonly nth?: number;
}

/** A name without a slash is a part of an id; a stream's path is that of its endpoint. */
export function isMeant(named: string | undefined, asked: string | undefined): boolean {
  if (named === undefined || named === asked) return true;
  if (asked === undefined) return false;
  return named.includes("/") ? `${named}/stream` === asked : asked.split("/").includes(named);
}

const MATCHED = ["operation", "endpoint", "requestId", "nth"];

/** What never matches anything would be a test of nothing. */
export function checkMatch(match: FaultMatch, endpoints: () => Iterable<string>): void {
  const strange = Object.keys(match).find((name) => !MATCHED.includes(name));
  if (strange !== undefined) {
    throw new RangeError(`A fault is not for a "${strange}". It can be for: ${MATCHED.join(", ")}.`);
  }
  const { operation, endpoint } = match;
  if (operation !== undefined && !OPERATIONS.includes(operation)) {
    throw new RangeError(`There is no operation "${operation}". Operations are: ${OPERATIONS.join(", ")}.`);
  }
  if (endpoint === undefined || endpoint.includes("/")) return;
  const known = [...endpoints()];
  if (known.some((id) => isMeant(endpoint, id))) return;
  throw new RangeError(`There is no endpoint "${endpoint}". There are: ${known.join(", ") || "none"}.`);
}
