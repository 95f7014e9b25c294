/** Says a warning the way that the runtime has for them; in a page, on its console. */
export function warn(message: string): void {
  try {
    const { process } = globalThis;
    if (process?.emitWarning) {
      process.emitWarning(message, "FalWarning");
      return;
    }
  } catch {
    // Next's edge runtime has a function in its place that throws.
  }
  // biome-ignore lint/suspicious/noConsole: where nothing else takes warnings
  console.warn(`FalWarning: ${message}`);
}
