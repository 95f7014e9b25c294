import { AmbiguousSubmitError, ApiError, FalError, NetworkError } from "fal-chain";
import { virtualClock } from "fal-chain/emulator";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Operation } from "../../src/base/transport.ts";
import { createTransport } from "../../src/transport/http.ts";
import { json, networkError } from "../support/wire.ts";

// Whatever comes in whatever order: what may not be repeated is not, and every pause is as long as it should be.

const ORIGIN = "https://queue.fal.run";
type Kind = "good" | "refused" | "ambiguous" | "response";
interface Reply {
  readonly kind: Kind;
  /** What `Retry-After` asks for, in milliseconds. */
  readonly asked?: number;
  readonly make: () => Response | Error;
}

const status = (code: number, headers: Record<string, string> = {}) =>
  json({ detail: "no" }, { status: code, headers });
const OTHERS: readonly Reply[] = [
  ...["ECONNREFUSED", "ENOTFOUND"].map(
    (code): Reply => ({ kind: "refused", make: () => networkError(code) }),
  ),
  ...["ECONNRESET", "UND_ERR_SOCKET"].map(
    (code): Reply => ({ kind: "ambiguous", make: () => networkError(code) }),
  ),
  ...[307, 408, 500, 502].map((code): Reply => ({ kind: "ambiguous", make: () => status(code) })),
  ...[400, 401, 404, 422].map((code): Reply => ({ kind: "response", make: () => status(code) })),
  { kind: "ambiguous", make: () => new Response("<html>") },
  { kind: "good", make: () => json({}) },
];
const busy = fc.integer({ min: 0, max: 90_000 }).map(
  (asked): Reply => ({
    kind: "refused",
    asked,
    make: () => status(429, { "retry-after-ms": String(asked) }),
  }),
);
const replies = fc.array(fc.oneof(busy, fc.constantFrom(...OTHERS)), { minLength: 1, maxLength: 12 });
const operations = fc.constantFrom<Operation>("submit", "status", "result", "cancel", "platform");

interface Exchange extends Reply {
  readonly at: number;
}

function wired(next: () => Reply, retry: { maxRetries: number; baseDelay: number; maxDelay: number }) {
  const clock = virtualClock();
  const seen: Exchange[] = [];
  const transport = createTransport({
    key: () => ({ header: () => "Key a:b", hideIn: (text: string) => text }) as never,
    trusted: () => new Set([ORIGIN]),
    clock,
    random: () => 0.999,
    report: () => {},
    retry,
    fetch: async () => {
      const reply = next();
      seen.push({ ...reply, at: clock.now() });
      const made = reply.make();
      if (made instanceof Error) throw made;
      return made;
    },
  });
  const send = (operation: Operation, deadline?: number) =>
    transport.send(
      { operation, method: operation === "submit" ? "POST" : "GET", url: `${ORIGIN}/a/b`, deadline },
      ({ text }) => JSON.parse(text) as unknown,
    );
  return { clock, seen, send };
}

test("a submit stops at the first doubt, anything at the first answer, and all within retries and deadline", async () => {
  await fc.assert(
    fc.asyncProperty(
      operations,
      replies,
      fc.integer({ min: 0, max: 6 }),
      fc.option(fc.integer({ min: 1, max: 200_000 }), { nil: undefined }),
      async (operation, script, maxRetries, patience) => {
        const retry = { maxRetries, baseDelay: 1_000, maxDelay: 20_000 };
        let at = 0;
        const { clock, seen, send } = wired(() => script[at++ % script.length] as Reply, retry);
        const deadline = patience === undefined ? undefined : clock.now() + patience;
        const outcome: unknown = await send(operation, deadline).catch((error: unknown) => error);

        const mayGoOn = (kind: Kind) =>
          kind === "refused" || (kind === "ambiguous" && operation !== "submit");
        expect(seen.slice(0, -1).every(({ kind }) => mayGoOn(kind))).toBe(true);
        expect(seen.length).toBeLessThanOrEqual(maxRetries + 1);
        for (const [index, { at: sentAt, asked }] of seen.slice(0, -1).entries()) {
          const pause = (seen[index + 1]?.at ?? 0) - sentAt;
          if (asked !== undefined) expect(pause).toBe(asked);
          else expect(pause).toBeLessThanOrEqual(Math.min(20_000, 1_000 * 2 ** index));
        }
        if (deadline !== undefined) {
          expect(clock.now()).toBeLessThanOrEqual(deadline);
          for (const { at: sentAt } of seen.slice(1)) expect(sentAt).toBeLessThan(deadline);
        }
        // It ended early only where the next pause would have been too long.
        const last = seen.at(-1) ?? expect.fail("nothing was sent");
        if (deadline === undefined && mayGoOn(last.kind)) expect(seen).toHaveLength(maxRetries + 1);
        expect(outcome instanceof FalError).toBe(last.kind !== "good");
        if (last.kind === "ambiguous" && operation === "submit")
          expect(outcome).toBeInstanceOf(AmbiguousSubmitError);
        else expect(outcome).not.toBeInstanceOf(AmbiguousSubmitError);
        if (last.kind === "response" || last.asked !== undefined) expect(outcome).toBeInstanceOf(ApiError);
        if (last.kind === "refused" && last.asked === undefined) expect(outcome).toBeInstanceOf(NetworkError);
        expect(clock.sleepers).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});

test("however many repeat at once, no stretch of time has more repeats than the budget, and no deadline is passed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 90 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 1, max: 30_000 }),
      async (many, maxRetries, patience) => {
        const refused: Reply = { kind: "refused", make: () => status(429, { "retry-after-ms": "0" }) };
        const { clock, seen, send } = wired(() => refused, { maxRetries, baseDelay: 0, maxDelay: 0 });
        const start = clock.now();
        await Promise.allSettled(Array.from({ length: many }, () => send("status", start + patience)));
        const repeats = seen.slice(many).map(({ at }) => at - start);
        for (const [count, at] of repeats.entries()) expect(count + 1).toBeLessThanOrEqual(50 + at / 100);
        expect(Math.max(0, ...repeats)).toBeLessThan(patience);
        expect(clock.now() - start).toBeLessThanOrEqual(patience);
      },
    ),
    { numRuns: 15 },
  );
});
