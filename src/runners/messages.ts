/** What a runner's process tells of itself, over the channel that it was started with. */
export type RunnerMessage =
  /** A server listens: where the app wanted it, and where it is. */
  | { readonly falChain: "listening"; readonly asked: number; readonly port: number }
  /** A module was found that is the app's own: the path of its file. */
  | { readonly falChain: "module"; readonly path: string }
  /** A variable of the platform was read while the program was loaded. */
  | { readonly falChain: "read"; readonly variable: string }
  /** The program has been loaded. */
  | { readonly falChain: "loaded" };

/** Others may use the channel too, for whatever they like. */
export function isRunnerMessage(message: unknown): message is RunnerMessage {
  if (typeof message !== "object" || message === null) return false;
  const { falChain, asked, port, path, variable } = message as Readonly<Record<string, unknown>>;
  switch (falChain) {
    case "listening":
      return Number.isInteger(asked) && Number.isInteger(port);
    case "module":
      return typeof path === "string";
    case "read":
      return typeof variable === "string";
    default:
      return falChain === "loaded";
  }
}
