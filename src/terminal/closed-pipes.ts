/** Goes on when the reader of a pipe has left (`| head`): what is paid for is still wanted. */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.off("error", onOutputError).on("error", onOutputError);
  }
}

function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
