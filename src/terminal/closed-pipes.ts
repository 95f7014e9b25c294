/** What is paid for goes on when nobody reads along any more: its files are still wanted. */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.off("error", onOutputError).on("error", onOutputError);
  }
}

function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
