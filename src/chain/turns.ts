/** The order in which a run's calls were made, whatever their inputs take to be known. */
export interface Turns {
  /** Resolves when all that were made so far have looked for what is recorded of them. */
  all: Promise<void>;
  /** Those that have been found, or are new, and have not ended. */
  readonly underWay: Set<Turn>;
}

/** A call's place in the order. */
export interface Turn {
  /** Those before it have looked. */
  readonly before: Promise<void>;
  /** The next one may look. */
  pass(): void;
}

export const noTurns = (): Turns => ({ all: Promise.resolve(), underWay: new Set() });

export function takeTurn(turns: Turns): Turn {
  const before = turns.all;
  const { promise, resolve } = Promise.withResolvers<void>();
  turns.all = before.then(() => promise);
  return { before, pass: resolve };
}

/** The call has ended, or never got to look. */
export function endTurn(turns: Turns, turn: Turn): void {
  turn.pass();
  turns.underWay.delete(turn);
}

/** Also those that are made in the meantime. */
export async function untilAllHaveLooked(turns: Turns): Promise<void> {
  for (let seen: Promise<void> | undefined; seen !== turns.all; ) {
    seen = turns.all;
    await seen;
  }
}
