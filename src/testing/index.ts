/**
 * For tests of programs that call fal, as `fal-chain/testing`: a client and an emulated fal over a virtual clock, fixtures
 * for vitest and node:test, and handlers for Mock Service Worker. Nothing is paid, and nothing waits.
 *
 * @module
 */
export { type FalFixtures, falFixtures, falFor, type TestContext } from "./fixtures.ts";
export { falHandlers, type MswHandler } from "./msw.ts";
export { type TestFal, type TestFalOptions, testFal } from "./test-fal.ts";
