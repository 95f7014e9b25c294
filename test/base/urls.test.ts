import { expect, test } from "vitest";
import { isLocalHost } from "../../src/base/urls.ts";

const hostOf = (address: string) => new URL(`http://${address}`).hostname;

test.each([
  ...["localhost", "LOCALHOST.", "db", "printer.local", "a.localhost", "metadata.google.internal", "nas.lan"],
  ...["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0", "0.0.0.0", "10.0.0.8", "172.16.0.1", "172.31.255.1"],
  ...["192.168.1.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"],
  ...["[::1]", "[::]", "[fd00::1]", "[fc00::1]", "[fe80::1]", "[febf::1]", "[ff02::1]"],
  ...["[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::192.168.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"],
])("%s is in this machine's network", (address) => {
  expect(isLocalHost(hostOf(address))).toBe(true);
});

test.each([
  ...["fal.media", "v3.fal.media", "localhost.test", "local.fal.media", "internal.test", "10.test"],
  ...["9.9.9.9", "172.15.0.1", "172.32.0.1", "192.167.0.1", "100.63.0.1", "100.128.0.1", "169.253.0.1"],
  ...["198.17.0.1", "198.20.0.1", "223.255.255.255", "[2606:4700::1111]", "[2a00:1450::1]"],
])("%s is not", (address) => {
  expect(isLocalHost(hostOf(address))).toBe(false);
});
