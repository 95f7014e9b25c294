import { type Random, wholeBetween } from "../model/random.ts";

/**
 * A UUID that starts with the time (version 7). Where time is virtual, ids are reproducible; where it is real, an
 * emulator that was started again never hands out an id that a durable store already knows.
 */
export function uuidAt(atMs: number, random: Random): string {
  const time = Math.floor(atMs).toString(16).padStart(12, "0");
  const hex = (digits: number) =>
    Array.from({ length: digits }, () => wholeBetween(random, 0, 15).toString(16)).join("");
  const variant = (8 + wholeBetween(random, 0, 3)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-${variant}${hex(3)}-${hex(12)}`;
}
