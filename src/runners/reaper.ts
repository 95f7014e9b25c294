import { spawn } from "node:child_process";

/** Ends what is left when this process is gone, however that came about. */
export interface Reaper {
  /** A group of processes that must not outlive this one. */
  begun(group: number): void;
  ended(group: number): void;
  /** Its own end. Nothing is ended by that which is known to have ended. */
  close(): void;
}

/** Reads which groups there are until its input ends, which is when whoever wrote there is gone. */
const SCRIPT = `groups=
while read -r word group; do
  case $word in
    begun) groups="$groups -$group" ;;
    ended) others=; for one in $groups; do [ "$one" = "-$group" ] || others="$others $one"; done; groups=$others ;;
  esac
done
for one in $groups; do kill -KILL "$one" 2>/dev/null; done`;

/**
 * A process of its own, since one that is killed does nothing any more, and a runner may be too busy to see that nobody is
 * there: then it would go on, and hold what it holds. Where there is no shell, nobody is ended.
 */
export function createReaper(): Reaper {
  const shell = spawn("/bin/sh", ["-c", SCRIPT], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  shell.on("error", () => {});
  shell.stdin.on("error", () => {});
  shell.unref();
  return {
    begun: (group) => void shell.stdin.write(`begun ${group}\n`),
    ended: (group) => void shell.stdin.write(`ended ${group}\n`),
    close: () => void shell.stdin.end(),
  };
}
