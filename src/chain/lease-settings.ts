export interface LeaseSettings {
  /** Milliseconds that a run stays with a process that gives no sign of life. @default 30000 */
  readonly leaseMs: number;
  /** Milliseconds after the last sign that the run is ours in which a POST may still be sent. @default a third of the lease */
  readonly sendWindowMs: number;
}

export function leaseSettings({
  leaseMs = 30_000,
  sendWindowMs = leaseMs / 3,
}: Partial<LeaseSettings> = {}): LeaseSettings {
  return { leaseMs, sendWindowMs };
}
