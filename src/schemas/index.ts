/**
 * What the modules that `fal-chain pull` writes are made of.
 *
 * @module
 */
export type { Endpoint } from "../queue/endpoint.ts";
export { pulledEndpoint } from "./pulled.ts";
