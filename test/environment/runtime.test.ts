import { createFal, EnvironmentError } from "fal-chain";
import { createEmulator } from "fal-chain/emulator";
import { expect, onTestFinished, test } from "vitest";

test("a Node that is too old is said at the first use, with the one that is needed, and not at import", () => {
  const { withResolvers } = Promise;
  const { node } = process.versions;
  const version = (value: string) => Object.defineProperty(process.versions, "node", { value });
  onTestFinished(() => {
    Promise.withResolvers = withResolvers;
    version(node);
  });
  Reflect.deleteProperty(Promise, "withResolvers");
  version("20.20.2");
  const said = "Node 20.20.2 is too old for fal-chain. Use Node 22.13 or newer.";
  const fal = createFal({ env: { FAL_KEY: "k3y-id:s3cr3t" } });
  expect(() => fal.subscribe("acme/echo", { input: {} })).toThrow(EnvironmentError);
  expect(() => fal.subscribe("acme/echo", { input: {} })).toThrow(said);
  expect(() => fal.chain("a", async () => 1).start()).toThrow(said);
  expect(() => fal.queue).toThrow(said);
  expect(() => createEmulator()).toThrow(said);
});
