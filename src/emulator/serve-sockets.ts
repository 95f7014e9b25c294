import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Emulator } from "./emulator.ts";
import type { AcceptRealtime } from "./realtime.ts";
import { refusalOf, type Visitors } from "./visitors.ts";

/** The longest frame that is read, in bytes. */
const MOST_FRAME_BYTES = 64 * 2 ** 20;

/** Has a server take WebSockets for an emulator. */
export function takeSockets(server: Server, emulator: Emulator, visitors: Visitors): { end(): void } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_FRAME_BYTES });
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => {}); // who has gone is not answered
    const request = requestOf(incoming);
    const refusal = refusalOf(request, visitors);
    const answering = refusal ? Promise.resolve(refusal) : emulator.connect(request);
    void answering.then(async (answer) => {
      if (answer instanceof Response) return refuse(socket, answer);
      sockets.handleUpgrade(incoming, socket, head, (opened) => connect(opened, answer));
    });
  });
  return {
    end() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
    },
  };
}

function requestOf({ url = "/", headers }: IncomingMessage): Request {
  const flat = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" ? [[name, value] as [string, string]] : [],
  );
  return new Request(new URL(url, `http://${headers.host ?? "127.0.0.1"}`), { headers: flat });
}

async function refuse(socket: Duplex, answer: Response): Promise<void> {
  const body = await answer.text();
  const { status } = answer;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "connection: close",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function connect(socket: WebSocket, accept: AcceptRealtime): void {
  const end = accept({
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
  });
  socket.on("message", (data, isBinary) => {
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    end.receive(isBinary ? new Uint8Array(bytes) : bytes.toString());
  });
  socket.on("close", () => end.left());
  socket.on("error", () => {}); // its end follows
}
