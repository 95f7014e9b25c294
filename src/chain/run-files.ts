import type { Clock } from "../base/clock.ts";
import { urlsIn } from "../base/urls.ts";
import { FileExpiredError } from "../errors/files.ts";
import type { KeptFiles } from "../files/kept-files.ts";
import type { Fence, RunJournal, StepRecord } from "../journal/runs.ts";
import { fromJson } from "./saved-json.ts";
import { copyName, fileKey } from "./step-key.ts";

export interface RunFilesOptions {
  readonly store: RunJournal;
  readonly fence: Fence;
  readonly clock: Clock;
  readonly files: KeptFiles;
  /** Uploads a file, and gives its URL. */
  readonly upload: (file: Blob) => Promise<string>;
  /** What the run remembers under a key. */
  readonly memo: (key: string) => StepRecord | undefined;
}

/** The files of a run: those that it uploads, and those that its earlier executions were given. */
export interface RunFiles {
  /** A file is uploaded once in the life of a run. */
  upload(digest: string, put: () => Promise<string>): Promise<string>;
  /** An earlier execution was given these: fal may have let them go by now. */
  remember(step: string, data: unknown): void;
  /**
   * What takes the place of files that are gone. A call that is given one would fail, and could be billed; so they are
   * looked for before it is paid. Where a copy was kept, that is uploaded.
   *
   * @throws {FileExpiredError} naming the step that gave it.
   */
  replacementsOf(content: string): Promise<ReadonlyMap<string, string>>;
}

const NONE: ReadonlyMap<string, string> = new Map();

export function runFiles({ store, fence, clock, files, memo, ...deps }: RunFilesOptions): RunFiles {
  const uploads = new Map<string, Promise<string>>();
  const stepOf = new Map<string, string>();

  const memoized = async (key: string, name: string, put: () => Promise<string>): Promise<string> => {
    const known = fromJson<string>(memo(key)?.value);
    if (known !== undefined) return known;
    const url = await put();
    const value = JSON.stringify(url);
    await store.saveStep(fence, { key, name, value, error: undefined, at: clock.now() });
    return url;
  };

  const upload: RunFiles["upload"] = (digest, put) => {
    const key = fileKey(digest);
    const known = uploads.get(key) ?? memoized(key, digest, put);
    uploads.set(key, known);
    known.catch(() => uploads.delete(key));
    return known;
  };

  const replacementOf = async (url: string): Promise<[string, string][]> => {
    if (await files.isThere(url)) return [];
    if ((await files.path(url)) === undefined) throw new FileExpiredError(url, stepOf.get(url));
    return [[url, await upload(copyName(url), async () => deps.upload(await files.read(url)))]];
  };

  return {
    upload,
    remember(step, data) {
      for (const [url] of urlsIn(data)) stepOf.set(url, step);
    },
    async replacementsOf(content) {
      if (stepOf.size === 0) return NONE;
      const old = [...urlsIn(JSON.parse(content))].flatMap(([url]) => (stepOf.has(url) ? [url] : []));
      return new Map((await Promise.all([...new Set(old)].map(replacementOf))).flat());
    },
  };
}
