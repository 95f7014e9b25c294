/**
 * What pages ask of fal, through a server of your own that has the key, as `fal-chain/proxy`. For any server with web-standard
 * requests; a page uses this package's client or the official one with `proxyUrl`.
 *
 * @module
 */
export type { Authorize, Granted, Permission, ProxyOptions } from "./options.ts";
export { createProxy, type FalProxy } from "./proxy.ts";
export type { ProxyTarget } from "./target.ts";
