import { wireJson } from "../base/json.ts";
import type { Saved } from "./saved.ts";

/** JSON of what code gave; undefined for nothing. @throws {InvalidArgumentError} when JSON cannot say it. */
export const toJson = (value: unknown, name: string): string | undefined =>
  value === undefined ? undefined : wireJson(value, name);

/** What every later reader will see, so that the first one sees it too. */
export const fromJson = <T>(json: string | undefined): Saved<T> =>
  (json === undefined ? undefined : JSON.parse(json)) as Saved<T>;
