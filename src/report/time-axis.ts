/** From when to when something happened, in milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A stretch of time laid out over columns. */
export interface Axis {
  /** The columns that a span takes: at least one. `end` is the first one after it. */
  columns(span: Span): { readonly start: number; readonly end: number };
  /** How much time it shows, in milliseconds. */
  readonly shownMs: number;
  /** Where time was left out, and how much. */
  readonly cuts: readonly { readonly column: number; readonly ms: number }[];
}

/** A pause is left out if it is longer than this, in milliseconds, and than all the rest together. */
const LONG_PAUSE_MS = 10_000;

/**
 * An axis of so many columns that has room for all spans. A long pause, as between a crash and the resumption on the next
 * day, would leave no room for anything else: it is left out.
 */
export function timeAxis(spans: readonly Span[], width: number): Axis {
  const busy = merged(spans);
  const busyMs = busy.reduce((sum, { from, to }) => sum + to - from, 0);
  const isLong = (ms: number): boolean => ms > Math.max(LONG_PAUSE_MS, busyMs);

  const shown: { from: number; to: number; before: number }[] = [];
  const pauses: { at: number; ms: number }[] = [];
  let shownMs = 0;
  for (const { from, to } of busy) {
    const last = shown.at(-1);
    if (last && !isLong(from - last.to)) {
      shownMs += to - last.to;
      last.to = to;
    } else {
      if (last) pauses.push({ at: shownMs, ms: from - last.to });
      shown.push({ from, to, before: shownMs });
      shownMs += to - from;
    }
  }

  const columnAt = (ms: number): number => (shownMs === 0 ? 0 : (ms / shownMs) * width);
  const offset = (at: number): number => {
    const part = shown.findLast(({ from }) => from <= at);
    return part ? part.before + Math.min(at, part.to) - part.from : 0;
  };
  return {
    shownMs,
    cuts: pauses.map(({ at, ms }) => ({ column: Math.min(width - 1, Math.floor(columnAt(at))), ms })),
    columns({ from, to }) {
      const start = Math.min(width - 1, Math.floor(columnAt(offset(from))));
      return { start, end: Math.max(start + 1, Math.min(width, Math.round(columnAt(offset(to))))) };
    },
  };
}

/** The times at which anything happened, in order and without overlaps. */
function merged(spans: readonly Span[]): Span[] {
  const all: { from: number; to: number }[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else all.push({ from, to });
  }
  return all;
}
