import { builtin } from "../base/builtin.ts";
import type { ProcessIdentity } from "../journal/run.ts";

function builtins() {
  const os = builtin("node:os");
  const fs = builtin("node:fs");
  return os && fs && { os, fs };
}

type Builtins = NonNullable<ReturnType<typeof builtins>>;

let identity: ProcessIdentity | undefined;

/**
 * This process, as other processes of the host can recognise it. Where nothing can be told of it, it is like no other. Found
 * out once: each run of a process asks.
 */
export function thisProcess(): ProcessIdentity {
  identity ??= identityOf();
  return identity;
}

function identityOf(): ProcessIdentity {
  const node = builtins();
  if (!node) return { host: crypto.randomUUID(), boot: "", pid: 0, started: "" };
  const { os, fs } = node;
  return {
    // Two containers may share a name and a store, and not their pids.
    host: `${os.hostname()} ${orUndefined(() => fs.readlinkSync("/proc/self/ns/pid")) ?? ""}`.trim(),
    boot: bootOf(node),
    pid: process.pid,
    started: startOf(node, process.pid) ?? "",
  };
}

/** Claims of this process that nobody acts under any more, although the store could not be told. */
const letGo = new Set<string>();

export function noteLetGo({ claim }: ProcessIdentity): void {
  if (claim !== undefined) letGo.add(claim);
}

/** Whether an owner is this process, in whichever of its claims. */
export function isThisProcess(owner: ProcessIdentity): boolean {
  const me = thisProcess();
  return (["host", "boot", "pid", "started"] as const).every((name) => owner[name] === me[name]);
}

/**
 * Whether an owner is known to be dead: the same host, and its boot is over, or there is no such process, or another
 * one has its pid; or this process has let the run go. Of other hosts nothing is known.
 */
export function isDead(owner: ProcessIdentity): boolean {
  if (owner.claim !== undefined && letGo.has(owner.claim)) return true;
  const node = builtins();
  const me = thisProcess();
  if (!node || owner.host !== me.host) return false;
  if (owner.boot !== me.boot) return true;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === "ESRCH";
  }
  const started = startOf(node, owner.pid);
  return started !== undefined && owner.started !== "" && started !== owner.started;
}

/** Without Linux's id of the boot nothing is said about it, and the lease decides. */
const bootOf = ({ fs }: Builtins): string =>
  orUndefined(() => fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) ?? "";

/** When a process started, in clock ticks since the boot; a zombie is as good as gone. Undefined where Linux's /proc is not. */
function startOf({ fs }: Builtins, pid: number): string | undefined {
  const stat = orUndefined(() => fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
  // The second field is the command's name in brackets, which may hold anything.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields?.[0] === "Z" ? "gone" : fields?.[19];
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
