import { urlsIn } from "../base/urls.ts";
import { FileExpiredError } from "../errors/files.ts";
import type { Attempt } from "./attempt.ts";
import { recordedStep } from "./replay.ts";
import { fromJson } from "./saved.ts";
import { copyName, fileKey } from "./step-key.ts";

/** A file is uploaded once in the life of a run. */
export function uploadOnce(attempt: Attempt, digest: string, put: () => Promise<string>): Promise<string> {
  const { uploads } = attempt;
  const known = uploads.get(digest) ?? recordedUpload(attempt, digest, put);
  uploads.set(digest, known);
  known.catch(() => uploads.delete(digest));
  return known;
}

async function recordedUpload(
  { execution, replay }: Attempt,
  digest: string,
  put: () => Promise<string>,
): Promise<string> {
  const { store, clock } = execution.live.services;
  const key = fileKey(digest);
  const known = fromJson<string>(recordedStep(replay, key).record?.value);
  if (known !== undefined) return known;
  const url = await put();
  const step = { key, name: digest, value: JSON.stringify(url), error: undefined, at: clock.now() };
  await store.runs.saveStep(execution.fence, step);
  return url;
}

/** A step of an earlier execution was given these files: fal may have deleted them by now. */
export function noteOldFiles({ oldFiles }: Attempt, step: string, data: unknown): void {
  for (const [url] of urlsIn(data)) oldFiles.set(url, step);
}

/**
 * What takes the place of files that are gone, by URL. A call that is given one would fail, and could be billed; so they
 * are looked for before it is paid. Where a copy was kept, that is uploaded.
 *
 * @throws {FileExpiredError} naming the step that gave it.
 */
export async function replacementsOf(
  attempt: Attempt,
  content: string,
): Promise<ReadonlyMap<string, string>> {
  const { oldFiles } = attempt;
  if (oldFiles.size === 0) return new Map();
  const urls = [...urlsIn(JSON.parse(content))].map(([url]) => url).filter((url) => oldFiles.has(url));
  const found = [...new Set(urls)].map((url) => replacementOf(attempt, url));
  return new Map((await Promise.all(found)).flat());
}

async function replacementOf(attempt: Attempt, url: string): Promise<[string, string][]> {
  const { files, storage } = attempt.execution.live.services;
  if (await files.isThere(url)) return [];
  if ((await files.path(url)) === undefined) throw new FileExpiredError(url, attempt.oldFiles.get(url));
  return [[url, await uploadOnce(attempt, copyName(url), async () => storage.upload(await files.read(url)))]];
}
