/** How much of a process's memory payloads take, and what goes first where they are too much. */
export interface Room {
  bytes: number;
  readonly limit: number;
  readonly sizes: Map<string, number>;
  /** What has ended, oldest first: the calls that are kept for themselves, and the runs with their calls. */
  readonly ended: Set<string>;
}

export const roomFor = (limit: number): Room => ({ bytes: 0, limit, sizes: new Map(), ended: new Set() });

/** What a call or a run is in a room. */
export const callIn = (id: string): string => `call ${id}`;
export const runIn = (key: string): string => `run ${key}`;

export function resize(room: Room, what: string, bytes: number): void {
  room.bytes += bytes - (room.sizes.get(what) ?? 0);
  if (bytes > 0) room.sizes.set(what, bytes);
  else room.sizes.delete(what);
}

/** What JSON takes in memory, roughly: looking into each text would take longer than keeping it. */
export function roughSize(value: unknown): number {
  let bytes = 0;
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === "string") bytes += next.length;
    else if (typeof next === "object" && next !== null) {
      bytes += 16;
      // One by one: a call takes only so many arguments.
      for (const [name, part] of Object.entries(next)) {
        bytes += Array.isArray(next) ? 8 : name.length + 8;
        left.push(part);
      }
    }
  }
  return bytes;
}
