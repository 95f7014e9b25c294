import type { AcceptRealtime, RealtimeEnd } from "./realtime.ts";

/** Where a request for a connection is answered. */
export type Connect = (request: Request) => Promise<Response | AcceptRealtime>;

/** A WebSocket without a socket, for programs in the process of the emulator. */
export function webSocketOf(connect: Connect): typeof WebSocket {
  return class extends InProcessWebSocket {
    constructor(url: string | URL) {
      super(String(url), connect);
    }
  } as unknown as typeof WebSocket;
}

type Listener<E> = ((event: E) => void) | null;

/** What clients use of the standard's: https://websockets.spec.whatwg.org */
class InProcessWebSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly url: string;
  readonly bufferedAmount = 0;
  readonly protocol = "";
  binaryType: "blob" | "arraybuffer" = "blob";
  readyState = 0;
  onopen: Listener<Event> = null;
  onmessage: Listener<MessageEvent> = null;
  onerror: Listener<Event> = null;
  onclose: Listener<CloseEvent> = null;
  #end: RealtimeEnd | undefined;

  constructor(url: string, connect: Connect) {
    super();
    this.url = url;
    const address = new URL(url);
    address.protocol = address.protocol.replace("ws", "http");
    void this.#open(connect(new Request(address)));
  }

  async #open(answering: Promise<Response | AcceptRealtime>): Promise<void> {
    const answer = await answering.catch(() => undefined);
    if (this.readyState !== InProcessWebSocket.CONNECTING) return;
    if (typeof answer !== "function") {
      this.#tell("onerror", new Event("error"));
      this.#closed(1006, "");
      return;
    }
    this.#end = answer({
      send: (data) => this.#message(data),
      close: (code, reason) => this.#closed(code, reason),
    });
    this.readyState = InProcessWebSocket.OPEN;
    this.#tell("onopen", new Event("open"));
  }

  send(data: string | ArrayBuffer | ArrayBufferView): void {
    if (this.readyState === InProcessWebSocket.CONNECTING) {
      throw new DOMException("It is still connecting", "InvalidStateError");
    }
    if (this.readyState !== InProcessWebSocket.OPEN) return;
    this.#end?.receive(typeof data === "string" ? data : copied(data));
  }

  close(code = 1005, reason = ""): void {
    if (this.readyState >= InProcessWebSocket.CLOSING) return;
    const wasOpen = this.readyState === InProcessWebSocket.OPEN;
    this.readyState = InProcessWebSocket.CLOSING;
    this.#end?.left();
    queueMicrotask(() => this.#closed(wasOpen ? code : 1006, reason));
  }

  #message(data: string | Uint8Array): void {
    if (this.readyState !== InProcessWebSocket.OPEN) return;
    const bytes = typeof data === "string" ? data : data.slice().buffer;
    const given = typeof bytes === "string" || this.binaryType === "arraybuffer" ? bytes : new Blob([bytes]);
    this.#tell("onmessage", new MessageEvent("message", { data: given }));
  }

  #closed(code: number, reason: string): void {
    if (this.readyState === InProcessWebSocket.CLOSED) return;
    this.readyState = InProcessWebSocket.CLOSED;
    const event = Object.assign(new Event("close"), { code, reason, wasClean: code !== 1006 });
    this.#tell("onclose", event as unknown as CloseEvent);
  }

  #tell(name: "onopen" | "onmessage" | "onerror" | "onclose", event: Event): void {
    (this[name] as Listener<Event>)?.call(this, event);
    this.dispatchEvent(event);
  }
}

const copied = (data: ArrayBuffer | ArrayBufferView): Uint8Array =>
  ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
    : new Uint8Array(data.slice());
