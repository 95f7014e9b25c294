import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { cached } from "fal-chain/app";
import { virtualClock } from "fal-chain/emulator";
import { expect, onTestFinished, test, vi } from "vitest";
import { tempDir } from "../support/temp.ts";

test("what is cached is made once, however many ask at once, and is whole whenever it is there", async () => {
  const directory = tempDir();
  let times = 0;
  const make = async (path: string) => {
    times += 1;
    await writeFile(path, "half");
    expect(existsSync(join(directory, "models/a.bin"))).toBe(false);
    await writeFile(path, "whole");
  };
  const ask = () => cached("models/a.bin", make, { directory });
  const paths = await Promise.all([ask(), ask(), ask()]);
  expect(new Set(paths)).toEqual(new Set([join(directory, "models/a.bin")]));
  await ask();
  expect(times).toBe(1);
  expect(await readFile(paths[0] as string, "utf8")).toBe("whole");
  expect(await readdir(join(directory, "models"))).toEqual(["a.bin"]);
});

test("a download that fails leaves nothing, and is tried again", async () => {
  const directory = tempDir();
  const half = async (path: string) => {
    await writeFile(path, "half");
    throw new Error("the line is cut");
  };
  await expect(cached("a", half, { directory })).rejects.toThrow("the line is cut");
  expect(await readdir(directory)).toEqual([]);
  expect(await readFile(await cached("a", (path) => writeFile(path, "whole"), { directory }), "utf8")).toBe(
    "whole",
  );
});

test("a directory is cached like a file", async () => {
  const directory = tempDir();
  const make = async (path: string) => {
    await mkdir(path);
    await writeFile(join(path, "weights"), "1");
  };
  expect(await readdir(await cached("model", make, { directory }))).toEqual(["weights"]);
});

test("what it needs for itself is called as nothing that is cached, and what is called like a lock is kept", async () => {
  const directory = tempDir();
  const made = Promise.withResolvers<void>();
  const app = cached("yarn", () => made.promise.then(() => writeFile(join(directory, "yarn"), "app")), {
    directory,
  });
  app.catch(() => {});
  const lock = await cached("yarn.lock", (path) => writeFile(path, "versions"), { directory });
  expect(await readFile(lock, "utf8")).toBe("versions");
  made.resolve();
  await app;
  expect(await readFile(lock, "utf8")).toBe("versions");
  for (const name of [".yarn.lock", "a/.b.partial", ".c.lock/d"]) {
    expect(() => cached(name, () => {}, { directory })).toThrow("the cache names its own files so");
  }
});

test("a lock that leads nowhere is somebody's who is dead", async () => {
  const directory = tempDir();
  await symlink("/nowhere", join(directory, ".a.lock"));
  const clock = virtualClock();
  expect(await cached("a", (path) => writeFile(path, "whole"), { directory, clock })).toBe(
    join(directory, "a"),
  );
});

test("whoever makes it is waited for as long as it shows signs of life, and no longer", async () => {
  const directory = tempDir();
  const clock = virtualClock({ auto: false });
  const lock = join(directory, ".a.lock");
  await writeFile(lock, "");
  let made = false;
  const make = async (path: string) => {
    made = true;
    await writeFile(path, "whole");
  };
  const asking = cached("a", make, { directory, clock });
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 500) {
      await vi.waitFor(() => expect(clock.sleepers).toBe(1));
      await clock.advance(500);
    }
  };
  await pass(15_000);
  // Its machine's clock is another one's.
  await utimes(lock, 1, 1);
  await pass(15_000);
  expect(made).toBe(false);
  await vi.waitFor(async () => {
    await clock.advance(500);
    expect(made).toBe(true);
  });
  expect(await readFile(await asking, "utf8")).toBe("whole");
});

test("of many who wait for one that was killed a single one makes it, and what that left is cleared up", async () => {
  const directory = tempDir();
  const other = join(tempDir(), "the-same");
  await symlink(directory, other);
  const left = `.a.${crypto.randomUUID()}.partial`;
  const others = `.a.b.${crypto.randomUUID()}.partial`;
  for (const name of [".a.lock", left, others]) await writeFile(join(directory, name), "");
  const clock = virtualClock({ auto: false });
  const hold = Promise.withResolvers<void>();
  const made: string[] = [];
  const ask = (who: string, directory: string) =>
    cached(
      "a",
      async (path) => {
        made.push(who);
        await hold.promise;
        await writeFile(path, who);
      },
      { directory, clock },
    );
  const first = ask("first", directory);
  await vi.waitFor(() => expect(clock.sleepers).toBe(1));
  await clock.advance(250);
  const second = ask("second", other);
  for (let at = 0; at < 22_000; at += 250) {
    await vi.waitFor(() => expect(clock.sleepers).toBe(2));
    await clock.advance(250);
  }
  expect(made).toEqual(["first"]);
  hold.resolve();
  await first;
  await clock.advance(500);
  expect(await readFile(await second, "utf8")).toBe("first");
  expect((await readdir(directory)).sort()).toEqual([others, "a"].sort());
});

test("who is overtaken while it makes it gets what the other one has made", async () => {
  const directory = tempDir();
  const make = async () => {
    await writeFile(join(directory, "a"), "the other's");
    throw new Error("ENOENT: what was half made is gone");
  };
  expect(await readFile(await cached("a", make, { directory }), "utf8")).toBe("the other's");
});

test("an address is fetched, and what ends early, or is none, is no download", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/whole") return response.end("whole");
    if (request.url === "/none") return response.writeHead(404).end();
    response.writeHead(200, { "content-length": "10" }).write("half");
    setImmediate(() => response.destroy());
  }).listen(0);
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const directory = tempDir();
  const get = (path: string) => cached(path, `http://127.0.0.1:${port}/${path}`, { directory });
  expect(await readFile(await get("whole"), "utf8")).toBe("whole");
  await expect(get("none")).rejects.toThrow("HTTP 404");
  await expect(get("half")).rejects.toThrow();
  expect(await readdir(directory)).toEqual(["whole"]);
});

test.each(["", "../a", "/etc/passwd", "a/../../b", "."])(
  "a name that leads elsewhere is refused: %j",
  (name) => {
    expect(() => cached(name, () => {}, { directory: tempDir() })).toThrow(/within the cache/);
  },
);
