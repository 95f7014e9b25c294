// Loaded before an app that is only to be imported: says which of the platform's variables it reads meanwhile, and opens
// no port.
import { Server } from "node:net";
import type { RunnerMessage } from "./messages.ts";

const tell = (message: RunnerMessage) => process.send?.(message, () => {});

process.env = new Proxy(process.env, {
  get(variables, name, receiver) {
    if (typeof name === "string" && /^(FAL_|HF_HOME$)/.test(name)) tell({ falChain: "read", variable: name });
    return Reflect.get(variables, name, receiver) as unknown;
  },
});

Server.prototype.listen = () => {
  throw new Error("the app opens a port when it is imported; put that behind isMain(import.meta)");
};
