import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A network between a client and a server that can be told to misbehave. */
export interface TcpProxy {
  readonly port: number;
  /** From now on nothing comes through on the connections that are open, and nobody is told. New ones do as they like. */
  blackHole(how?: { newOnesToo?: boolean }): void;
  /** Once the client says this, the server hears it, and then nothing more comes through on that connection. */
  silentAfter(text: string): void;
  /** What is open stays silent; new ones come through. */
  heal(): void;
  /** Resets all that is open. */
  reset(): void;
  /** Each piece of an answer takes so long, in milliseconds. */
  slow(ms: number): void;
  /** Whether connections are taken at all. */
  refuse(refuses: boolean): void;
  /** The next time that the client says this, the server hears it, its answer is swallowed and the connection reset. */
  loseAnswerTo(text: string): void;
  /** How many connections have been taken. */
  readonly taken: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  isSilent: boolean;
}

export async function tcpProxy(port: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const state = {
    swallowsNew: false,
    refuses: false,
    losing: undefined as string | undefined,
    last: undefined as string | undefined,
    taken: 0,
    slowMs: 0,
  };

  const open = (client: Socket) => {
    if (state.refuses) return client.resetAndDestroy();
    state.taken++;
    const server = connect(port, "127.0.0.1");
    const pair: Pair = { client, server, isSilent: state.swallowsNew };
    pairs.add(pair);
    let isLost = false;
    client.on("data", (bytes) => {
      if (pair.isSilent) return;
      if (state.losing !== undefined && bytes.includes(state.losing)) {
        state.losing = undefined;
        isLost = true;
      }
      server.write(bytes);
      if (state.last !== undefined && bytes.includes(state.last)) {
        state.last = undefined;
        pair.isSilent = true;
      }
    });
    server.on("data", (bytes) => {
      if (state.slowMs > 0) {
        server.pause();
        setTimeout(() => server.resume(), state.slowMs);
      }
      if (isLost) client.resetAndDestroy();
      else if (!pair.isSilent) client.write(bytes);
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => {});
      one.on("close", () => {
        if (!pair.isSilent) other.destroy();
        if (client.destroyed) pairs.delete(pair);
      });
    }
  };
  const listener = createServer(open);
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const destroyAll = () => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
    pairs.clear();
  };
  onTestFinished(() => {
    destroyAll();
    listener.close();
  });
  return {
    port: (listener.address() as AddressInfo).port,
    blackHole({ newOnesToo = false } = {}) {
      state.swallowsNew = newOnesToo;
      for (const pair of pairs) pair.isSilent = true;
    },
    silentAfter(text) {
      state.last = text;
    },
    heal() {
      state.swallowsNew = false;
    },
    reset: destroyAll,
    slow(ms) {
      state.slowMs = ms;
    },
    refuse(refuses) {
      state.refuses = refuses;
    },
    loseAnswerTo(text) {
      state.losing = text;
    },
    get taken() {
      return state.taken;
    },
  };
}
