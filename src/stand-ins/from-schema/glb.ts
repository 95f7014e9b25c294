/** A tetrahedron in glTF's binary form, with a note of what it is. Source: the glTF 2.0 specification, GLB. */
export function glbOf(generator: string, extras: Readonly<Record<string, string | number>>): Uint8Array {
  const corners = [
    [1, 1, 1],
    [-1, -1, 1],
    [-1, 1, -1],
    [1, -1, -1],
  ];
  const faces = [0, 1, 3, 0, 2, 1, 0, 3, 2, 1, 2, 3];
  const positions = Buffer.from(new Float32Array(corners.flat()).buffer);
  const indices = Buffer.from(new Uint16Array(faces).buffer);
  const json = JSON.stringify({
    asset: { version: "2.0", generator, extras },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0 }],
    meshes: [{ primitives: [{ attributes: { POSITION: 0 }, indices: 1 }] }],
    accessors: [
      {
        ...{ bufferView: 0, componentType: 5126, count: corners.length, type: "VEC3" },
        ...{ min: [-1, -1, -1], max: [1, 1, 1] },
      },
      { bufferView: 1, componentType: 5123, count: faces.length, type: "SCALAR" },
    ],
    bufferViews: [
      { buffer: 0, byteOffset: 0, byteLength: positions.length },
      { buffer: 0, byteOffset: positions.length, byteLength: indices.length },
    ],
    buffers: [{ byteLength: positions.length + indices.length }],
  });
  const chunks = [
    chunk("JSON", Buffer.from(json), " "),
    chunk("BIN\0", Buffer.concat([positions, indices]), "\0"),
  ];
  const length = 12 + chunks.reduce((sum, { length }) => sum + length, 0);
  const header = Buffer.alloc(12);
  header.write("glTF", 0, "latin1");
  header.writeUInt32LE(2, 4);
  header.writeUInt32LE(length, 8);
  return Buffer.concat([header, ...chunks]);
}

function chunk(type: string, content: Buffer, filler: string): Buffer {
  const padded = Buffer.alloc(Math.ceil(content.length / 4) * 4, filler);
  content.copy(padded);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(padded.length, 0);
  head.write(type, 4, "latin1");
  return Buffer.concat([head, padded]);
}
