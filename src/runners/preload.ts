// Loaded into a runner's process before the app. The app runs as on fal, where each runner has a network of its own: here
// many share one, so a server gets a free port of this machine alone, whichever it asks for, and says where it is.
import { registerHooks } from "node:module";
import { Server } from "node:net";
import { fileURLToPath } from "node:url";
import type { RunnerMessage } from "./messages.ts";

const tell = (message: RunnerMessage) => process.connected && process.send?.(message, () => {});

/** The arguments of `listen`, in any of its forms, with another address; undefined where it is no TCP port. */
function elsewhere(args: unknown[]): { asked: number; args: unknown[] } | undefined {
  const [first] = args;
  const rest = args.filter((arg) => typeof arg === "function");
  if (typeof first === "object" && first !== null) {
    if (!("port" in first)) return undefined;
    const asked = Number(first.port);
    return { asked, args: [{ ...first, port: 0, host: "127.0.0.1" }, ...rest] };
  }
  const asked = first === undefined || typeof first === "function" ? 0 : Number(first);
  return Number.isInteger(asked) ? { asked, args: [{ port: 0, host: "127.0.0.1" }, ...rest] } : undefined;
}

const { listen } = Server.prototype;
Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
  const other = elsewhere(args);
  if (!other) return Reflect.apply(listen, this, args) as Server;
  this.once("listening", () => {
    const address = this.address();
    if (address && typeof address === "object")
      tell({ falChain: "listening", asked: other.asked, port: address.port });
  });
  return Reflect.apply(listen, this, other.args) as Server;
};

// Node 22.13 has no such hooks; there the app's folder is watched instead.
registerHooks?.({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    if (found.url.startsWith("file:") && !found.url.includes("/node_modules/")) {
      tell({ falChain: "module", path: fileURLToPath(found.url) });
    }
    return found;
  },
});
