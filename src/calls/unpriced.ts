/** A call that has ended, of which it is known what fal bills and not what that costs. */
export interface UnpricedCall {
  readonly id: string;
  readonly units: number;
}

/** Calls of this client whose price could not be had when they ended. */
export interface Unpriced {
  add(endpoint: string, call: UnpricedCall): void;
  /** All of an endpoint, which are not kept any more. */
  take(endpoint: string): readonly UnpricedCall[];
}

/** Beyond that the oldest are left to whoever asks what calls cost, who looks for them in the store. */
const MOST = 1_000;

export function createUnpriced(): Unpriced {
  const byEndpoint = new Map<string, UnpricedCall[]>();
  let count = 0;
  return {
    add(endpoint, call) {
      if (count >= MOST) return;
      count++;
      byEndpoint.set(endpoint, [...(byEndpoint.get(endpoint) ?? []), call]);
    },
    take(endpoint) {
      const calls = byEndpoint.get(endpoint) ?? [];
      byEndpoint.delete(endpoint);
      count -= calls.length;
      return calls;
    },
  };
}
