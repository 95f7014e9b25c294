/** Half of fal's numbers are known from others' quotations of its page only: https://fal.ai/docs/documentation/model-apis/inference/webhooks */

/** What a receiver has for its answer, in milliseconds: the first time, and each time after. */
export const patience = (attempt: number): number => (attempt === 1 ? 15_000 : 120_000);

export const MOST_ATTEMPTS = 32;
const LONGEST_PAUSE_MS = 120_000;

/** The pause after an attempt that failed. How exactly it grows is not known; here it doubles, from a second up. */
export const pauseAfter = (attempt: number): number => Math.min(1_000 * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
