import type { FaultText } from "./fault.ts";
import type { FaultMatch } from "./match.ts";
import { OPERATIONS, type Operation } from "./operation.ts";

const USAGE =
  'Write "[MODEL] fail [once|twice|always|N times] [at OPERATION] [with FAULT]", as in "esrgan fail once" or "esrgan fail twice at result with 503".';
const WORDS =
  /^(?:make\s+)?(?:(?<endpoint>\S+)\s+)?fails?(?:\s+(?:(?<often>once|twice|always)|(?<times>\d+)\s+times?))?(?:\s+(?:at|on)\s+(?<operation>\S+))?(?:\s+with\s+(?<fault>.+))?$/i;
const OFTEN: Readonly<Record<string, number>> = {
  once: 1,
  twice: 2,
  always: Number.POSITIVE_INFINITY,
};

/** Without a fault the request itself fails, as a model's does. */
export function inWords(text: string): FaultMatch & { readonly fault: FaultText; readonly count: number } {
  const groups = WORDS.exec(text.trim())?.groups;
  if (!groups) throw new RangeError(`${JSON.stringify(text)} says no fault. ${USAGE}`);
  const { endpoint, often = "once", times, operation, fault } = groups;
  if (operation !== undefined && !isOperation(operation)) throw new RangeError(noOperation(operation));
  return {
    ...(endpoint !== undefined && endpoint !== "make" && { endpoint }),
    ...(operation !== undefined && { operation: operation as Operation }),
    fault: (fault ?? (operation === undefined ? "completed-with-error" : "503")) as FaultText,
    count: times === undefined ? (OFTEN[often.toLowerCase()] ?? 1) : Number(times),
  };
}

const isOperation = (text: string): text is Operation => (OPERATIONS as readonly string[]).includes(text);

const noOperation = (text: string): string =>
  `There is no operation "${text}". Operations are: ${OPERATIONS.join(", ")}.`;
