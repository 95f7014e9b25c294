import { parseTagsHeader, type UserTags } from "../attribution/tags.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { lifecycleJson } from "../storage/lifecycle.ts";
import type { SubmitSettings } from "./options.ts";

/** Tags that were written as a header are tags all the same, and checked like them. */
export function splitHeaders(headers: Readonly<Record<string, string>> = {}) {
  const rest: Record<string, string> = {};
  let tagged: UserTags = {};
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (lower === "authorization") {
      throw new InvalidArgumentError(
        "A call takes no authorization header; pass createFal({ credentials }).",
      );
    }
    if (lower === "x-fal-tags") tagged = parseTagsHeader(value);
    else rest[lower] = value;
  }
  return { tagged, headers: rest };
}

/** @throws {InvalidArgumentError} for a header that HTTP cannot carry: what fetch made of it would look like a lost submit. */
export function sendable(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers([[name, value]]);
    } catch {
      throw new InvalidArgumentError(
        `The header ${JSON.stringify(name)} cannot be sent: a name is letters, digits and "-", a value Latin-1 text of one line. ` +
          "Encode it, for example with encodeURIComponent.",
      );
    }
  }
  return headers;
}

/** https://fal.ai/docs/documentation/model-apis/common-parameters */
export function platformHeaders({ priority, hint, startTimeout, storageSettings }: SubmitSettings) {
  const headers: Record<string, string> = {};
  if (priority !== undefined) headers["x-fal-queue-priority"] = priority;
  if (hint !== undefined) headers["x-fal-runner-hint"] = hint;
  if (startTimeout !== undefined) {
    // The newer name wins where it is known; older deployments know the other one.
    headers["x-fal-request-start-timeout"] = String(startTimeout);
    headers["x-fal-request-timeout"] = String(startTimeout);
  }
  const lifecycle = storageSettings && lifecycleJson(storageSettings);
  if (lifecycle) headers["x-fal-object-lifecycle-preference"] = lifecycle;
  return headers;
}
