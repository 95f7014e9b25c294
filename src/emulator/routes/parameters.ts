import * as z from "zod";
import { platformError } from "../replies.ts";

/** What the platform API's listings have in common: https://api.fal.ai/v1/openapi.json */

export const MOST_IDS = 50;

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** An ISO date or date-time, as milliseconds since the epoch. */
export const date = z
  .string()
  .refine((text) => DATE.test(text) && !Number.isNaN(Date.parse(text)), "must be an ISO date or date-time")
  .transform((text) => Date.parse(text));

/** Lists come as repeats or with commas; of anything else the last one counts. */
export function parametersOf(search: string, lists: readonly string[]): Record<string, unknown> {
  const parameters = new URLSearchParams(search);
  const list = (name: string) =>
    parameters
      .getAll(name)
      .flatMap((value) => value.split(","))
      .filter(Boolean);
  return {
    ...Object.fromEntries(parameters),
    ...Object.fromEntries(lists.map((name) => [name, list(name)])),
  };
}

/** The answer to parameters that are wrong. */
export const refused = ({ issues }: z.ZodError): Response =>
  platformError(
    400,
    "validation_error",
    issues.map(({ path, message }) => `${String(path[0])}: ${message}`).join("; "),
  );

/** Where the next page begins, in the listing as it was at that time. */
const Cursor = z.object({ asOf: z.number(), start: z.number(), at: z.int().min(0) });
export type Cursor = z.output<typeof Cursor>;

const encodeCursor = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString("base64");

/** Undefined for a text that was not given out here. */
export function decodeCursor(text: string): Cursor | undefined {
  try {
    return Cursor.parse(JSON.parse(Buffer.from(text, "base64").toString()));
  } catch {
    return undefined;
  }
}

export const badCursor = (): Response =>
  platformError(400, "validation_error", "cursor: is none that was given out here");

/** One page of a listing, and the way to the next. */
export function pageOf<T>(found: readonly T[], from: Cursor, limit: number) {
  const next = from.at + limit;
  const hasMore = next < found.length;
  return {
    page: found.slice(from.at, next),
    rest: { next_cursor: hasMore ? encodeCursor({ ...from, at: next }) : null, has_more: hasMore },
  };
}
