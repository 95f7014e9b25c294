type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where this user's programs keep data, ours in a folder of its own: `$XDG_DATA_HOME/fal-chain`, else
 * `~/.local/share/fal-chain`. Undefined where the runtime has no file system.
 * Source: https://specifications.freedesktop.org/basedir/latest
 */
export function dataHome(env: Env): string | undefined {
  const os = globalThis.process?.getBuiltinModule?.("node:os");
  const path = globalThis.process?.getBuiltinModule?.("node:path");
  if (!os || !path) return undefined;
  const given = env["XDG_DATA_HOME"]?.trim();
  // The specification says to ignore a path that is not absolute.
  if (given && path.isAbsolute(given)) return path.join(given, "fal-chain");
  return path.join(env["HOME"]?.trim() || os.homedir(), ".local", "share", "fal-chain");
}
