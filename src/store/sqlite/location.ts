import { StoreError } from "../../errors/store.ts";
import { nodeModule } from "../node.ts";

/** What the file system says of a place; given for tests. */
export interface Disk {
  /** The path without symbolic links; undefined where there is nothing. */
  realpath(path: string): string | undefined;
  /** Where a link leads; undefined for what is no link. */
  readlink(path: string): string | undefined;
  /** The type of the file system, as Linux numbers it. */
  fileSystem(path: string): number;
}

/** File systems that several machines may share or that run outside the kernel, by Linux's `f_type` (statfs(2)). */
const SHARED: Readonly<Record<number, string>> = {
  26985: "NFS", // 0x6969
  20859: "SMB", // 0x517b
  4283649346: "CIFS", // 0xff534d42
  4266872130: "SMB", // 0xfe534d42
  1702057286: "FUSE", // 0x65735546
  16914839: "9P", // 0x01021997
  12805120: "Ceph", // 0x00c36400
  198183888: "Lustre", // 0x0bd00bd0
  1397113167: "AFS", // 0x5346414f
  1799439955: "AFS", // 0x6b414653
  1937076805: "Coda", // 0x73757245
  1196443219: "GPFS", // 0x47504653
  18225520: "GFS2", // 0x01161970
  1952539503: "OCFS2", // 0x7461636f
  2020557398: "a VirtualBox shared folder", // 0x786f4256
};

/**
 * Refuses a place where SQLite's locks do not hold: two machines that both believe to have the lock pay twice.
 *
 * @param path Absolute. Links are followed, and what does not exist yet is judged by its nearest parent.
 * @throws {StoreError}
 */
export function assertLocal(path: string, disk: Disk = nodeDisk()): void {
  const { existing, target } = follow(path, disk);
  if (target === "/data" || target.startsWith("/data/")) {
    throw refused(path, "is under /data, the volume that all runners of an app share");
  }
  const shared = SHARED[disk.fileSystem(existing)];
  if (shared) throw refused(path, `is on a shared file system (${shared})`);
}

/** As many links as Linux follows. */
const MAX_LINKS = 40;

/** Where a path leads in the end, and how much of it exists. */
function follow(path: string, disk: Disk): { existing: string; target: string } {
  const { basename, dirname, join, resolve } = nodeModule("node:path");
  let at = path;
  let missing = "";
  for (let links = 0; ; ) {
    const existing = disk.realpath(at);
    if (existing !== undefined) return { existing, target: join(existing, missing) };
    // A link to what does not exist yet would be made where it leads.
    const link = disk.readlink(at);
    if (link !== undefined && links++ < MAX_LINKS) {
      at = resolve(dirname(at), link);
    } else {
      missing = join(basename(at), missing);
      at = dirname(at);
    }
  }
}

const refused = (path: string, why: string): StoreError =>
  new StoreError(
    `The store ${path} ${why}, where SQLite's locks do not hold and a call could be paid twice. Use a disk of this ` +
      "machine, or postgresStore() of fal-chain/postgres for a store that several machines share.",
  );

function nodeDisk(): Disk {
  const { readlinkSync, realpathSync, statfsSync } = nodeModule("node:fs");
  return {
    realpath: (path) => orUndefined(() => realpathSync(path)),
    readlink: (path) => orUndefined(() => readlinkSync(path)),
    // Elsewhere the numbers mean something else.
    fileSystem: (path) => (process.platform === "linux" ? statfsSync(path).type >>> 0 : 0),
  };
}

function orUndefined(look: () => string): string | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
