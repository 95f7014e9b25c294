import { globSync, readFileSync } from "node:fs";
import * as client from "fal-chain";
import {
  AdminKeyRequiredError,
  AmbiguousSubmitError,
  ApiError,
  BudgetExceededError,
  CallAbortedError,
  CallStateError,
  CallTimeoutError,
  EnvironmentError,
  type FalError,
  type FalErrorCode,
  FetchError,
  FileExpiredError,
  InputMismatchError,
  InvalidArgumentError,
  LeaseLostError,
  MalformedReplyError,
  NetworkError,
  OtherDeploymentError,
  OutputMismatchError,
  ReplyTooLargeError,
  RequestClaimedError,
  RunAbortedError,
  RunBlockedError,
  RunDetachedError,
  RunDivergedError,
  RunInputMismatchError,
  RunStateError,
  StepInputChangedError,
  StoreError,
  UnknownPriceError,
  ValidationError,
} from "fal-chain";
import * as emulator from "fal-chain/emulator";
import * as webhooks from "fal-chain/webhooks";
import { expect, test } from "vitest";
import { apiError } from "../../src/errors/api.ts";
import { ListenError } from "../../src/errors/emulator.ts";
import { endsFallback, FAL_ERROR_CODES, isOfTheRun, kindOf } from "../../src/errors/registry.ts";
import { restoredError, savedError, withoutResults } from "../../src/errors/saved-error.ts";
import { WebhookError } from "../../src/errors/webhooks.ts";

const cancel = Promise.resolve("requested" as const);
const run = { chain: "poster", run: "a" };
const reservation = { budget: "run:poster/a", window: 0, limitNanoUsd: 5, nanoUsd: 3 };
const answer = (status: number) => ({ status, requestId: "r1", endpoint: "acme/echo" });
const problem = { loc: ["body", "prompt"], msg: "too long", type: "value_error" };

/** One of each, with facts of its own where its class has any. */
const EXAMPLES: { readonly [C in FalErrorCode]: FalError } = {
  missing_variable: new EnvironmentError("missing_variable", "FAL_KEY", "is not set", "Set it."),
  invalid_variable: new EnvironmentError("invalid_variable", "FAL_KEY", "is malformed", "Look at it."),
  invalid_argument: new InvalidArgumentError("The input is no object."),
  input_mismatch: new InputMismatchError("acme/echo", [{ message: "Required", path: "prompt" }]),
  budget_exceeded: new BudgetExceededError(reservation, { chargedNanoUsd: 1, reservedNanoUsd: 2 }),
  unknown_price: new UnknownPriceError("acme/echo", "client", "no_price"),
  api: new ApiError({ ...answer(400), body: { detail: "no", error_type: "bad_request" } }),
  validation: new ValidationError({ ...answer(422), body: { detail: [problem] } }),
  account_locked: apiError({ ...answer(403), body: { detail: "User is locked. Reason: TOP_UP." } }),
  network: new NetworkError("unreachable", { endpoint: "acme/echo" }),
  fetch: new FetchError("The submit", "PolicyError: not there", { endpoint: "acme/echo" }),
  reply_too_large: new ReplyTooLargeError("The result", 5, { requestId: "r1", billed: "unknown" }),
  malformed_reply: new MalformedReplyError("no JSON", { requestId: "r1", billed: "unknown" }),
  ambiguous_submit: new AmbiguousSubmitError("acme/echo", "ECONNRESET", {
    verdict: "several",
    evidence: "two match",
    candidates: ["r1", "r2"],
    callId: "c1",
  }),
  aborted: new CallAbortedError("acme/echo", { cancel, requestId: "r1" }),
  timeout: new CallTimeoutError("acme/echo", 5_000, { cancel }),
  output_mismatch: new OutputMismatchError("acme/echo", "r1", { data: 1 }, [{ message: "x", path: "" }]),
  call_state: new CallStateError({ id: "c1", endpoint: "acme/echo", ticket: undefined }, "is over"),
  request_claimed: new RequestClaimedError("r1"),
  other_deployment: new OtherDeploymentError(
    { endpoint: "acme/echo", requestId: "r1", queue: "http://127.0.0.1:8787/queue" },
    "https://queue.fal.run",
    undefined,
  ),
  file_expired: new FileExpiredError("https://v3.fal.media/a.png", "picture"),
  run_aborted: new RunAbortedError("poster", "a", { cause: "enough" }),
  run_blocked: new RunBlockedError({ ...run, step: "picture", callId: "c1", endpoint: "acme/echo" }),
  run_detached: new RunDetachedError("poster", "a"),
  run_diverged: new RunDivergedError("poster/a", "acme/echo", ["prompt"], ["c1"]),
  run_elsewhere: new RunStateError("run_elsewhere", "It is elsewhere."),
  run_ended: new RunStateError("run_ended", "It has ended."),
  run_input_mismatch: new RunInputMismatchError("poster", "a"),
  run_required: new RunStateError("run_required", "There is no run."),
  run_unknown: new RunStateError("run_unknown", "There is no such run."),
  step_input_changed: new StepInputChangedError("picture", ["prompt"], { endpoint: "acme/echo" }),
  lease_lost: new LeaseLostError({ ...run, epoch: 2 }),
  store: new StoreError("The disk is full.", { retryable: true }),
  admin_key_required: new AdminKeyRequiredError(),
  missing_header: new WebhookError("missing_header", "No signature."),
  malformed_header: new WebhookError("malformed_header", "No hex."),
  stale_timestamp: new WebhookError("stale_timestamp", "Too old."),
  bad_signature: new WebhookError("bad_signature", "Not fal's."),
  keys_unavailable: new WebhookError("keys_unavailable", "No keys."),
  body_too_large: new WebhookError("body_too_large", "too large"),
  body_too_slow: new WebhookError("body_too_slow", "too slow"),
  body_not_raw: new WebhookError("body_not_raw", "Parsed."),
  malformed_body: new WebhookError("malformed_body", "No JSON."),
  cannot_listen: new ListenError("The port is taken."),
};

test.each(FAL_ERROR_CODES)("an error is restored as it was: %s", (code) => {
  const error = EXAMPLES[code];
  const restored = restoredError(JSON.parse(JSON.stringify(savedError(error)))) as FalError;
  expect(error.code).toBe(code);
  expect(restored.constructor).toBe(error.constructor);
  expect(Object.prototype.toString.call(restored)).toBe("[object Error]");
  const seen = ({ stack: _, cancel: __, ...own }: FalError & { cancel?: unknown }) => own;
  expect(seen(restored)).toEqual(seen(error));
  expect([restored.name, restored.message]).toEqual([error.name, error.message]);
  expect(endsFallback(restored)).toBe(endsFallback(error));
  expect(isOfTheRun(restored)).toBe(isOfTheRun(error));
});

test("what a field check found wrong is there again, without the input that fal quotes", () => {
  const quoted = { ...problem, input: "a secret prompt" };
  const error = new ValidationError({ ...answer(422), body: { detail: [quoted] } });
  const saved = JSON.stringify(savedError(error));
  expect(saved).not.toContain("a secret prompt");
  expect((restoredError(JSON.parse(saved)) as ValidationError).getFieldErrors("prompt")).toEqual([problem]);
});

test.each(FAL_ERROR_CODES)("JSON.stringify says what it is, and what fal answered: %s", (code) => {
  const error = EXAMPLES[code];
  const said = JSON.parse(JSON.stringify({ error })).error as Record<string, unknown>;
  const { name, message, retryable, billed } = error;
  expect(said).toMatchObject({ name, code, message, retryable, billed });
  expect(said["body"]).toEqual(error instanceof ApiError ? error.body : undefined);
  expect(said).not.toHaveProperty("cancel");
});

test("where no payload is kept an error is without the result that it holds, however deep", () => {
  const { output_mismatch: error } = EXAMPLES;
  const wrapped = new Error("outer", { cause: new AggregateError([error]) });
  for (const saved of [savedError(error), savedError(wrapped)]) {
    expect(JSON.stringify(saved)).toContain('"data":1');
    expect(JSON.stringify(withoutResults(saved))).not.toContain('"data":1');
    expect(withoutResults(saved)).toMatchObject({ name: saved.name, message: saved.message });
  }
});

test("an error of somebody else keeps its name and message", () => {
  const restored = restoredError(savedError(new RangeError("out of it")));
  expect(restored).toMatchObject({ name: "RangeError", message: "out of it" });
  expect(restored).toBeInstanceOf(Error);
});

test("every class of the sources that is a FalError is in the registry", () => {
  const parents = new Map(
    globSync("src/**/*.ts").flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/class (\w+)(?:<[^>]*>)? extends (\w+)/g)].map(
        ([, name = "", parent = ""]) => [name, parent] as const,
      ),
    ),
  );
  const isOurs = (name = ""): boolean => name === "FalError" || (name !== "" && isOurs(parents.get(name)));
  const classes = [...parents.keys()].filter((name) => isOurs(parents.get(name)));
  const known = FAL_ERROR_CODES.map((code) => (kindOf(code)?.class as { name?: string } | undefined)?.name);
  // What errors are restored with has no code of its own.
  expect(new Set(classes.filter((name) => name !== "RestoredError"))).toEqual(new Set(known));
});

test.each(FAL_ERROR_CODES)(
  "whoever gets %s can tell it by its class, which an entry point exports",
  (code) => {
    const exported: unknown[] = [client, emulator, webhooks].flatMap((entry) => Object.values(entry));
    expect(exported).toContain(kindOf(code)?.class);
  },
);
