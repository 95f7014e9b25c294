import { builtin } from "../base/builtin.ts";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where this user's programs keep data, ours in a folder of its own: `$XDG_DATA_HOME/fal-chain`, else
 * `~/.local/share/fal-chain`, else, for a user without a home, as in a container with an arbitrary id, a folder of the
 * temporary directory. Undefined where the runtime has no file system.
 * Source: https://specifications.freedesktop.org/basedir/latest
 */
export function dataHome(env: Env): string | undefined {
  const os = builtin("node:os");
  const path = builtin("node:path");
  if (!os || !path) return undefined;
  const given = env["XDG_DATA_HOME"]?.trim();
  // The specification says to ignore a path that is not absolute.
  if (given && path.isAbsolute(given)) return path.join(given, "fal-chain");
  const home = env["HOME"]?.trim() || homeOfUser(os);
  return home ? path.join(home, ".local", "share", "fal-chain") : path.join(os.tmpdir(), "fal-chain");
}

/** Undefined for a user that the system does not know: it is asked for where something paid must be kept. */
function homeOfUser(os: { homedir(): string }): string | undefined {
  try {
    return os.homedir();
  } catch {
    return undefined;
  }
}
