export type { IncomingRequest } from "./attribution/incoming.ts";
export type { UserTags } from "./attribution/tags.ts";
export { ApiError, ValidationError, type ValidationErrorInfo } from "./base/api-error.ts";
export type { CallState, Unused } from "./base/call-state.ts";
export { type Clock, systemClock } from "./base/clock.ts";
export { BudgetExceededError, type Cost, formatUsd, type Reservation } from "./base/cost.ts";
export {
  AmbiguousSubmitError,
  type AmbiguousVerdict,
  CallAbortedError,
  CallTimeoutError,
  type CancelOutcome,
  EnvironmentError,
  FalError,
  InputMismatchError,
  InvalidArgumentError,
  MalformedReplyError,
  NetworkError,
  OutputMismatchError,
  RunAbortedError,
  RunStateError,
} from "./base/errors.ts";
export {
  type CallQuery,
  type CallRecord,
  type Intent,
  type IntentTerms,
  type Journal,
  type Outcome,
  RequestClaimedError,
  type Store,
  StoreError,
  type Ticket,
  type Usage,
} from "./base/journal.ts";
export type { StorageSettings } from "./base/lifecycle.ts";
export {
  type Fence,
  LeaseLostError,
  type Owner,
  type RunClaim,
  type RunEnd,
  type RunJournal,
  type RunQuery,
  type RunRecord,
  type RunState,
  type StepRecord,
} from "./base/run-journal.ts";
export type { SavedError } from "./base/saved-error.ts";
export type { MoneyFacts, Spend, SpendGroup, SpendQuery } from "./base/spend.ts";

export type { CallEvent, RequestLog, Result } from "./calls/events.ts";
export type { CallOptions, SubmitOptions } from "./calls/options.ts";
export type { Call } from "./calls/plan.ts";
export type { QueueClient, StatusStream } from "./calls/queue-client.ts";
export type { CompletedQueueStatus, InQueueStatus, QueueStatus } from "./calls/queue-status.ts";
export { CallStateError, type RecordedCalls, type Settled, type Settlement } from "./calls/recorded-calls.ts";
export type { AmbiguousSubmitPolicy } from "./calls/submit.ts";
export type { RunScope } from "./chain/attempt.ts";
export type { Chain, ResumeOptions, StartOptions } from "./chain/chain.ts";
export {
  RunBlockedError,
  RunDetachedError,
  RunDivergedError,
  RunInputMismatchError,
  StepInputChangedError,
} from "./chain/errors.ts";
export type { RunCall, RunEvent } from "./chain/events.ts";
export type { LeaseSettings } from "./chain/lease.ts";
export type { RunPart } from "./chain/parts.ts";
export type { Run } from "./chain/run.ts";
export type { RunInfo, Runs } from "./chain/runs.ts";
export type { Saved } from "./chain/saved.ts";
export type { RunStep } from "./chain/steps.ts";
export type { MapOptions, Tools } from "./chain/tools.ts";
export { createFal, fal } from "./client.ts";
export {
  type Env,
  type Environment,
  type Finding,
  inspectEnvironment,
  readEnvironment,
} from "./environment/environment.ts";
export { secrets } from "./environment/secrets.ts";
export type { Fal, FalOptions, WebhookSettings } from "./fal.ts";
export { FileExpiredError, type KeptFiles } from "./files/kept-files.ts";
export { type Budget, type TagBudget, UnknownPriceError, type WindowBudget } from "./ledger/budget.ts";
export type { Total } from "./ledger/cost.ts";
export type { CostKey, CostQuery, CostRow, Costs } from "./ledger/costs.ts";
export type { Estimate, EstimateOptions } from "./ledger/estimate.ts";
export type {
  BilledRequest,
  LedgerCall,
  MatchedCall,
  ReconcileOptions,
  Reconciliation,
  UnbilledCall,
} from "./ledger/reconcile.ts";
export type { CostSum, UnknownReason, Waste } from "./ledger/sum.ts";
export {
  AdminKeyRequiredError,
  type BillingEvent,
  type BillingEvents,
  type BillingQuery,
} from "./platform/billing.ts";
export type { Price } from "./platform/prices.ts";
// A star, so that users can add to EndpointTypes by declaration merging: an interface that is exported by name cannot
// be merged into from outside.
export * from "./queue/catalog.ts";
export type { Endpoint, EndpointId, InputOf, OutputOf } from "./queue/endpoint.ts";
export type { StorageClient, UploadOptions } from "./storage/storage.ts";
export { memoryStore } from "./store/memory.ts";
export type { Rescued } from "./store/rescue-file.ts";
export type { Logger } from "./telemetry/logger.ts";
export type { RetryOptions, RetryPolicy } from "./transport/retry.ts";
