const MASK = new TextEncoder().encode("…");

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Takes a secret out of bytes that pass in pieces, wherever they are cut. What may be its beginning waits for the next piece;
 * all else goes on at once, so that no event is held back.
 */
export function concealing(secret: string): TransformStream<Bytes, Bytes> {
  const wanted = new TextEncoder().encode(secret);
  const head = wanted[0] ?? 0;
  let held: Bytes = new Uint8Array(0);
  return new TransformStream({
    transform(piece, controller) {
      const bytes = joined(held, piece);
      let from = 0;
      let end = bytes.length;
      for (let at = bytes.indexOf(head); at !== -1; at = bytes.indexOf(head, at)) {
        const same = lengthInCommon(bytes, at, wanted);
        if (same === wanted.length) {
          controller.enqueue(joined(bytes.subarray(from, at), MASK));
          at += same;
          from = at;
        } else if (at + same === bytes.length) {
          end = at;
          break;
        } else at += 1;
      }
      if (end > from) controller.enqueue(bytes.slice(from, end));
      held = bytes.slice(end);
    },
    flush(controller) {
      if (held.length > 0) controller.enqueue(held);
    },
  });
}

function lengthInCommon(bytes: Bytes, at: number, wanted: Bytes): number {
  let length = 0;
  while (length < wanted.length && at + length < bytes.length && bytes[at + length] === wanted[length])
    length++;
  return length;
}

function joined(one: Bytes, other: Bytes): Bytes {
  if (one.length === 0) return other;
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
