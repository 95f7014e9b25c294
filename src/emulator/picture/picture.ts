/** Eight bits a channel, red green blue alpha, row by row. Colour is not premultiplied. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

export const blankPicture = (width: number, height: number): Picture => ({
  width,
  height,
  data: new Uint8ClampedArray(width * height * 4),
});

/** Called between pieces of long work, so that the rest of the process gets its turn. */
export type Breathe = () => Promise<void>;

/** Rows that are worked on between two breaths: about a millisecond or ten of work. */
export const rowsPerBreath = (width: number): number => Math.max(1, Math.floor(65_536 / width));

/** One channel in [0, 1]: a mask, a guide, a coverage. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

export const blankPlane = (width: number, height: number): Plane => ({
  width,
  height,
  data: new Float32Array(width * height),
});

/** Typed arrays read as possibly undefined under strict indexing; inside their bounds that cannot happen. */
export const at = (values: ArrayLike<number>, index: number): number => values[index] ?? 0;
