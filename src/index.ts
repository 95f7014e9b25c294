export type { IncomingRequest } from "./attribution/incoming.ts";
export type { UserTags } from "./attribution/tags.ts";
export { type Clock, systemClock } from "./base/clock.ts";
export type { Attachment, Bytes } from "./base/json.ts";
export type { Time, Timed } from "./base/time.ts";
export type { AttachOptions, Call, Calls } from "./calls/call.ts";
export type { DirectOptions, RunDirectly } from "./calls/direct.ts";
export type { EventStream, StreamEventType } from "./calls/event-stream.ts";
export type { CallEvent, Done, RequestLog, Result } from "./calls/events.ts";
export type {
  AmbiguousSubmitPolicy,
  CallOptions,
  CallRetry,
  Reuse,
  StepSettings,
  SubmitOptions,
  SubmitSettings,
  WatchSettings,
} from "./calls/options.ts";
export type {
  QueueClient,
  RequestOptions,
  StatusOptions,
  StatusStreamOptions,
  StatusSubscriptionOptions,
} from "./calls/queue-client.ts";
export type {
  CompletedQueueStatus,
  QueueStatus,
  QueueStatusLinks,
} from "./calls/queue-status.ts";
export type { RecordedCalls } from "./calls/recorded-calls.ts";
export type { Settled, Settlement } from "./calls/settle.ts";
export type { StatusStream } from "./calls/status-stream.ts";
export type { FalStream, OpenStream } from "./calls/stream.ts";
export type { StreamOptions, TokenProvider } from "./calls/stream-options.ts";
export type { Chain, ChainOptions, DefineChain, ResumeOptions, StartOptions } from "./chain/chain.ts";
export type { RunCall, RunEvent } from "./chain/events.ts";
export type { RetryFailed } from "./chain/mode.ts";
export type { RunPart } from "./chain/parts.ts";
export type { HandleOptions } from "./chain/request.ts";
export type { Run } from "./chain/run.ts";
export type { NumberedEvent, RunEventsOptions, RunHandle, RunInfo } from "./chain/run-handle.ts";
export type { MapOptions, RunScope, Thunk, Tools } from "./chain/run-scope.ts";
export type { AddOptions, CancelOptions, ResumeAllOptions, Runs } from "./chain/runs.ts";
export type { Json, NotSerialisable, Saved } from "./chain/saved.ts";
export type { LeaseSettings } from "./chain/services.ts";
export type { RunStep } from "./chain/steps.ts";
export { createFal, fal } from "./client.ts";
export type { FalKey } from "./environment/credentials.ts";
export {
  type Env,
  type Environment,
  type Finding,
  type Identity,
  inspectEnvironment,
  type RunnerState,
  readEnvironment,
} from "./environment/environment.ts";
export type { Origins } from "./environment/origins.ts";
export { secrets } from "./environment/secrets.ts";
export { AmbiguousSubmitError, type AmbiguousVerdict } from "./errors/ambiguous-submit.ts";
export {
  AccountLockedError,
  ApiError,
  type ApiErrorFacts,
  ValidationError,
  type ValidationErrorInfo,
} from "./errors/api.ts";
export { InputMismatchError, InvalidArgumentError, OutputMismatchError } from "./errors/arguments.ts";
export { CallStateError, OtherDeploymentError } from "./errors/calls.ts";
export type { FalErrorCode } from "./errors/codes.ts";
export { EnvironmentError } from "./errors/environment.ts";
export { type FailureFacts, FalError } from "./errors/fal-error.ts";
export { FileExpiredError } from "./errors/files.ts";
export {
  CallAbortedError,
  CallTimeoutError,
  type CancelOutcome,
  type Unfinished,
} from "./errors/giving-up.ts";
export { BudgetExceededError, UnknownPriceError } from "./errors/money.ts";
export { FetchError, MalformedReplyError, NetworkError, ReplyTooLargeError } from "./errors/network.ts";
export { AdminKeyRequiredError } from "./errors/platform.ts";
export {
  LeaseLostError,
  RunAbortedError,
  RunBlockedError,
  RunDetachedError,
  RunDivergedError,
  RunInputMismatchError,
  RunStateError,
  StepInputChangedError,
} from "./errors/runs.ts";
export type { SavedError } from "./errors/saved-error.ts";
export { RequestClaimedError, StoreError } from "./errors/store.ts";
export type { Fal, FalOptions, WebhookSettings } from "./fal.ts";
export type { KeepFiles, KeptFiles } from "./files/kept-files.ts";
export type {
  CallFilter,
  CallFor,
  CallJournal,
  CallQuery,
  CallRecord,
  CallState,
  Completion,
  FoundBy,
  GivenUp,
  Intent,
  IntentTerms,
  Outcome,
  PaidCall,
  ReuseOf,
  Ticket,
  Unused,
  Usage,
} from "./journal/call.ts";
export type { Kind, PastCost } from "./journal/kind.ts";
export type { ClosedMonth, Correction, CorrectionQuery, MonthJournal } from "./journal/months.ts";
export type {
  Fence,
  ProcessIdentity,
  Renewed,
  RunClaim,
  RunEnd,
  RunJournal,
  RunName,
  RunQuery,
  RunRecord,
  RunState,
  StartedFor,
  StepRecord,
} from "./journal/run.ts";
export type { Slot, SlotJournal } from "./journal/slots.ts";
export type {
  BudgetUse,
  BudgetUseQuery,
  MoneyFacts,
  Overrun,
  Spend,
  SpendGroup,
  SpendQuery,
} from "./journal/spend.ts";
export type { Store } from "./journal/store.ts";
export type {
  BudgetAlert,
  OnBudgetOptions,
  OnOutlierOptions,
  OutlierAlert,
  Recipient,
} from "./ledger/alerts.ts";
export type { BilledRequest, UnreadableRow } from "./ledger/bill.ts";
export type { TagBudget, WindowBudget } from "./ledger/budget.ts";
export type {
  BudgetCheck,
  BudgetCheckOptions,
  BudgetListQuery,
  BudgetQuery,
  BudgetState,
  Budgets,
  Overshoot,
} from "./ledger/budget-state.ts";
export type { ClosedMonthCosts } from "./ledger/closing.ts";
export type { CostReports } from "./ledger/cost-reports.ts";
export type { CostKey, CostQuery, CostRow, Costs } from "./ledger/costs.ts";
export type { CurrencyRate } from "./ledger/currency.ts";
export type {
  Estimate,
  EstimateOptions,
  KnownEstimate,
  Range,
  UnitsOf,
  UnknownEstimate,
} from "./ledger/estimate.ts";
export type { Explanation } from "./ledger/explain.ts";
export type { Expected, Forecast, ForecastQuery, ForecastRow } from "./ledger/forecast.ts";
export type { Invoice, InvoiceLine, InvoiceNotes, InvoiceQuery } from "./ledger/invoice.ts";
export type { MarkedCall, Markup, TagMarkup } from "./ledger/markup.ts";
export type {
  LedgerCall,
  MatchedCall,
  ReconcileOptions,
  Reconciliation,
  UnbilledCall,
} from "./ledger/reconciliation.ts";
export type { ChainRunCosts, RunCost, RunCostsQuery, RunDifference } from "./ledger/run-costs.ts";
export type { RunnerCosts } from "./ledger/runner-costs.ts";
export type { Amount, CostSum, UnknownReason, Waste } from "./ledger/sum.ts";
export type { Budget } from "./money/budget.ts";
export { type Cost, formatUsd, type Reservation, type Total } from "./money/cost.ts";
export type { RunnerCost } from "./money/runner-cost.ts";
export {
  createFalClient,
  type EndpointParts,
  type EndpointType,
  type FalClient,
  type InProgressQueueStatus,
  type InputType,
  type InQueueQueueStatus,
  isCompletedQueueStatus,
  isQueueStatus,
  isRetryableError,
  type Metrics,
  type OutputType,
  parseEndpointId,
  type RunOptions,
  type StreamingClient,
  type UrlOptions,
  type WebHookResponse,
} from "./official-names.ts";
export type { Balance } from "./platform/account.ts";
export type { BillingEvents, BillingQuery } from "./platform/billing.ts";
export type { BillingEvent } from "./platform/billing-rows.ts";
export type { Price } from "./platform/prices.ts";
// A star, so that users can add to EndpointTypeMap by declaration merging: an interface that is exported by name cannot
// be merged into from outside.
export * from "./queue/catalog.ts";
export type {
  AnyEndpoint,
  DefineEndpoint,
  Endpoint,
  EndpointId,
  InputOf,
  OutputOf,
} from "./queue/endpoint.ts";
export type {
  RealtimeConnection,
  RealtimeConnectionHandler,
  RealtimeState,
  WithRequestId,
} from "./realtime/options.ts";
export type { RealtimeClient } from "./realtime/realtime.ts";
export type { WebSocketClass } from "./realtime/socket.ts";
export type { StorageSettings } from "./storage/lifecycle.ts";
export type { StorageClient, UploadOptions, UploadProgress } from "./storage/storage.ts";
export { type MemoryOptions, memoryStore } from "./store/memory.ts";
export type { Rescued } from "./store/rescue-file.ts";
export type { Logger } from "./telemetry/logger.ts";
export {
  type ProxyRuntimeEnv,
  type ProxyRuntimeGate,
  type ProxyUrlConfig,
  type RequestConfig,
  type RequestMiddleware,
  type RequestProxyConfig,
  withMiddleware,
  withProxy,
} from "./transport/middleware.ts";
export type { ResponseHandler } from "./transport/response-handler.ts";
export type { RetryOptions, RetryPolicy } from "./transport/retry.ts";
