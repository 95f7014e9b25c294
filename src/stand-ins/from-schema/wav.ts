const RATE = 16_000;

/** A sound of whole tones, one for each character of a text: 16 bits, one channel. */
export function wavOf(text: string, seconds: number, seed: number): Uint8Array {
  const samples = new Int16Array(Math.round(RATE * seconds));
  const letters = Array.from(text || " ");
  for (let i = 0; i < samples.length; i++) {
    const at = (i / samples.length) * letters.length;
    const tone = ((letters[Math.floor(at)]?.codePointAt(0) ?? 0) + seed) % 24;
    const frequency = 220 * 2 ** (tone / 12);
    // Each tone swells and fades, so that none clicks.
    const swell = Math.sin(Math.PI * (at % 1));
    samples[i] = Math.round(8_000 * swell * Math.sin((2 * Math.PI * frequency * i) / RATE));
  }
  return Buffer.concat([header(samples.byteLength), new Uint8Array(samples.buffer)]);
}

/** Source: http://soundfile.sapp.org/doc/WaveFormat/ */
function header(dataBytes: number): Uint8Array {
  const bytes = Buffer.alloc(44);
  bytes.write("RIFF", 0, "latin1");
  bytes.writeUInt32LE(36 + dataBytes, 4);
  bytes.write("WAVEfmt ", 8, "latin1");
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20); // PCM
  bytes.writeUInt16LE(1, 22); // channels
  bytes.writeUInt32LE(RATE, 24);
  bytes.writeUInt32LE(RATE * 2, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36, "latin1");
  bytes.writeUInt32LE(dataBytes, 40);
  return bytes;
}
