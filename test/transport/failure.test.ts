import { describe, expect, test } from "vitest";
import type { Operation } from "../../src/base/transport.ts";
import {
  type Failure,
  failureOfError,
  failureOfReply,
  mayRepeat,
  retryAfterMs,
} from "../../src/transport/failure.ts";
import { networkError } from "../support/wire.ts";

type Kind = "refused" | "ambiguous" | "response";
const reply = (status: number, headers: Record<string, string> = {}) => ({
  status,
  headers: new Headers(headers),
  text: "",
  bytes: new ArrayBuffer(0),
});

describe("an answer", () => {
  const type = (value: string) => ({ "x-fal-error-type": value });
  const id = { "x-fal-request-id": "r1" };

  test.each<[Operation, number, Record<string, string>, Kind]>([
    ["submit", 301, {}, "ambiguous"],
    ["submit", 307, {}, "ambiguous"],
    ["submit", 400, {}, "response"],
    ["submit", 401, {}, "response"],
    ["submit", 403, {}, "response"],
    ["submit", 404, {}, "response"],
    ["submit", 408, {}, "ambiguous"],
    ["submit", 413, {}, "response"],
    ["submit", 422, {}, "response"],
    ["submit", 429, {}, "refused"],
    ["submit", 499, {}, "ambiguous"],
    ["submit", 500, {}, "ambiguous"],
    ["submit", 500, id, "ambiguous"],
    ["submit", 502, {}, "ambiguous"],
    ["submit", 503, {}, "ambiguous"],
    ["submit", 503, type("runner_scheduling_failure"), "refused"],
    ["submit", 503, type("runner_connection_timeout"), "refused"],
    ["submit", 503, type("runner_disconnected"), "refused"],
    ["submit", 503, type("runner_connection_refused"), "refused"],
    ["submit", 503, type("runner_connection_error"), "refused"],
    ["submit", 503, type("runner_something_new"), "ambiguous"],
    ["submit", 502, type("runner_disconnected"), "ambiguous"],
    ["submit", 504, type("startup_timeout"), "ambiguous"],
    ["status", 404, {}, "response"],
    ["status", 429, {}, "refused"],
    ["status", 500, {}, "ambiguous"],
    ["status", 500, id, "ambiguous"],
    ["status", 503, type("runner_disconnected"), "ambiguous"],
    ["result", 422, id, "response"],
    ["result", 500, {}, "ambiguous"],
    ["result", 500, id, "response"],
    ["result", 499, id, "response"],
    ["result", 504, id, "response"],
    ["cancel", 400, {}, "response"],
    ["cancel", 500, {}, "ambiguous"],
    ["platform", 401, {}, "response"],
    ["platform", 500, {}, "ambiguous"],
  ])("to a %s of %d %o is %s", (operation, status, headers, kind) => {
    expect(failureOfReply(operation, reply(status, headers))?.kind).toBe(kind);
  });

  test.each([200, 201, 202, 204])("of %d is none", (status) => {
    expect(failureOfReply("submit", reply(status))).toBeUndefined();
  });
});

describe("an error", () => {
  const NOT_SENT = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"];
  const TLS = ["UND_ERR_CONNECT_TIMEOUT", "CERT_HAS_EXPIRED", "ERR_TLS_CERT_ALTNAME_INVALID"];
  const SENT = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "ABORT_ERR"];

  test.each([...NOT_SENT, ...TLS])("with %s deep in its causes came before any byte left", (code) => {
    const deeper = new Error("wrapped", { cause: networkError(code) });
    expect(failureOfError(deeper)).toMatchObject({ kind: "refused", why: code });
  });

  test.each(["connect", "getaddrinfo"])("of the system call %s came before, whatever its code", (syscall) => {
    const timedOut = Object.assign(new Error("timed out"), { code: "ETIMEDOUT", syscall });
    expect(failureOfError(new TypeError("fetch failed", { cause: timedOut })).kind).toBe("refused");
  });

  test.each(SENT)("with %s may have come after the bytes left", (code) => {
    expect(failureOfError(networkError(code))).toMatchObject({ kind: "ambiguous", why: code });
  });

  test.each<[string, Kind, Error[]]>([
    ["all refuse", "refused", [networkError("ECONNREFUSED"), networkError("ENETUNREACH")]],
    ["one was reset", "ambiguous", [networkError("ECONNREFUSED"), networkError("ECONNRESET")]],
    ["one says nothing", "ambiguous", [networkError("ECONNREFUSED"), new Error("?")]],
    ["none is there", "ambiguous", []],
  ])("of several addresses, where %s, is %s", (_, kind, errors) => {
    const error = new TypeError("fetch failed", { cause: new AggregateError(errors) });
    expect(failureOfError(error).kind).toBe(kind);
  });

  test.each([new TypeError("fetch failed"), new Error(""), "text", undefined])(
    "that hides its cause proves nothing",
    (error) => {
      expect(failureOfError(error).kind).toBe("ambiguous");
    },
  );

  test("keeps its words, and drops whatever else hangs on it", () => {
    const error = Object.assign(networkError("ECONNRESET"), { request: { headers: "Key a:b" }, config: 1 });
    const { cause } = failureOfError(new Error("outer", { cause: error })) as { cause?: Error };
    expect(cause).toMatchObject({ message: "outer", cause: { message: "econnreset", code: "ECONNRESET" } });
    expect(JSON.stringify(cause)).not.toContain("Key");
  });
});

test.each<[Kind, boolean, boolean]>([
  ["refused", true, true],
  ["ambiguous", false, true],
  ["response", false, false],
])("what is %s: a submit is repeated %s, a read %s", (kind, submit, read) => {
  const failure: Failure = kind === "response" ? { kind, reply: reply(400) } : { kind, why: "" };
  expect(mayRepeat("submit", failure)).toBe(submit);
  for (const operation of ["status", "result", "cancel", "platform"] as const) {
    expect(mayRepeat(operation, failure)).toBe(read);
  }
});

test.each<[Record<string, string>, number | undefined]>([
  [{ "retry-after": "7" }, 7_000],
  [{ "retry-after": " 0.5 " }, 500],
  [{ "retry-after": "0" }, 0],
  [{ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" }, 30_000],
  [{ "retry-after": "Wed, 31 Dec 2025 23:59:00 GMT" }, 0],
  [{ "retry-after": "Thu, 01 Jan 2026 01:00:30 GMT", date: "Thu, 01 Jan 2026 01:00:00 GMT" }, 30_000],
  [{ "retry-after-ms": "250" }, 250],
  [{ "retry-after-ms": "250", "retry-after": "9" }, 250],
  [{ "retry-after-ms": "soon", "retry-after": "9" }, 9_000],
  [{ "retry-after": "soon" }, undefined],
  [{ "retry-after": "-5" }, undefined],
  [{}, undefined],
])("the delay asked for by %o is %s ms", (headers, ms) => {
  const failure = failureOfReply("submit", reply(429, headers));
  expect(failure && retryAfterMs(failure, Date.UTC(2026, 0, 1))).toBe(ms);
});
