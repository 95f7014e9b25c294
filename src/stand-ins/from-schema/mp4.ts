import type { Picture } from "../picture/picture.ts";
import { frameOf, parametersFor } from "./h264.ts";

// Source: ISO/IEC 14496-12 (the container) and 14496-15 (H.264 in it).

/** Of a second. */
const SCALE = 1_000;

/** A film of these pictures, all of one size of whole blocks of 16 pixels. @param note What it is, for who looks. */
export function mp4Of(pictures: readonly Picture[], perSecond: number, note: string): Uint8Array {
  const [first] = pictures;
  if (!first) throw new RangeError("A film has a picture at least.");
  const frames = pictures.map((picture, nth) => sized(frameOf(picture, nth)));
  const head = box("ftyp", latin("isom"), u32(0x200), latin("isomavc1mp41"));
  const movie = (offset: number) =>
    movieOf(first, frames, { step: Math.round(SCALE / perSecond), offset, note });
  const before = head.length + movie(0).length + 8;
  return Buffer.concat([head, movie(before), box("mdat", ...frames)]);
}

const sized = (unit: Uint8Array): Uint8Array => Buffer.concat([u32(unit.length), unit]);

interface Facts {
  /** How long one picture is shown, in parts of a second. */
  readonly step: number;
  /** Where the first picture is in the file. */
  readonly offset: number;
  readonly note: string;
}

function movieOf(
  { width, height }: Picture,
  frames: readonly Uint8Array[],
  { step, offset, note }: Facts,
): Uint8Array {
  const duration = step * frames.length;
  const samples = box(
    "stbl",
    full("stsd", u32(1), entryOf(width, height)),
    full("stts", u32(1), u32(frames.length), u32(step)),
    full("stsc", u32(1), u32(1), u32(frames.length), u32(1)),
    full("stsz", u32(0), u32(frames.length), ...frames.map(({ length }) => u32(length))),
    full("stco", u32(1), u32(offset)),
  );
  const data = box("dinf", full("dref", u32(1), box("url ", u32(1))));
  const media = box(
    "mdia",
    full("mdhd", zeros(8), u32(SCALE), u32(duration), u16(0x55c4), zeros(2)),
    full("hdlr", zeros(4), latin("vide"), zeros(12), latin("\0")),
    box("minf", box("vmhd", u32(1), zeros(8)), data, samples),
  );
  const track = box(
    "trak",
    box(
      "tkhd",
      u32(3),
      zeros(8),
      u32(1),
      zeros(4),
      u32(duration),
      zeros(16),
      MATRIX,
      u16(width),
      zeros(2),
      u16(height),
      zeros(2),
    ),
    media,
  );
  const header = full(
    "mvhd",
    zeros(8),
    u32(SCALE),
    u32(duration),
    u32(0x10000),
    u16(0x100),
    zeros(10),
    MATRIX,
    zeros(24),
    u32(2),
  );
  const text = Buffer.from(note, "utf8");
  const comment = box("udta", box("\u00a9cmt", u16(text.length), u16(0x55c4), text));
  return box("moov", header, track, comment);
}

function entryOf(width: number, height: number): Uint8Array {
  const { sequence, picture } = parametersFor({ width, height });
  const config = box(
    "avcC",
    Uint8Array.of(1, ...sequence.subarray(1, 4), 0xff, 0xe1),
    ...[u16(sequence.length), sequence, Uint8Array.of(1), u16(picture.length), picture],
  );
  const shown = [u16(width), u16(height), u32(0x480000), u32(0x480000), zeros(4), u16(1)];
  return box("avc1", zeros(6), u16(1), zeros(16), ...shown, zeros(32), u16(24), u16(0xffff), config);
}

const zeros = (count: number): Uint8Array => new Uint8Array(count);
const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);
const u32 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const latin = (text: string): Uint8Array => Buffer.from(text, "latin1");
const box = (type: string, ...parts: readonly Uint8Array[]): Uint8Array => {
  const length = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([u32(length), latin(type), ...parts]);
};
/** With a version and flags. */
const full = (type: string, ...parts: readonly Uint8Array[]): Uint8Array => box(type, zeros(4), ...parts);

/** Neither turned nor moved. */
const MATRIX = Buffer.concat([0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].map((value) => u32(value)));
