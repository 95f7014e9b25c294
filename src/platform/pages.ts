import { MalformedReplyError } from "../errors/network.ts";

interface Page {
  readonly next_cursor?: string | null | undefined;
  readonly has_more?: boolean | undefined;
}

/**
 * Follows a list of the platform page by page.
 *
 * @param read Reads the page with these parameters.
 * @throws {MalformedReplyError} for a list that comes round again, says that there is more and not where, or has more pages
 * than this: half of it would be taken for all of it.
 */
export async function* pagesOf<P extends Page>(
  list: string,
  most: number,
  read: (cursor: { readonly cursor?: string }) => Promise<P>,
): AsyncGenerator<P> {
  const seen = new Set<string>();
  let cursor: string | undefined;
  for (let count = 0; count < most; count++) {
    const page = await read(cursor === undefined ? {} : { cursor });
    yield page;
    if (!page.next_cursor && page.has_more)
      throw new MalformedReplyError(`${list} is incomplete: a page says that there is more, and not where.`);
    if (!page.next_cursor || page.has_more === false) return;
    cursor = page.next_cursor;
    if (seen.has(cursor))
      throw new MalformedReplyError(`${list} comes round again: a page names an earlier one.`);
    seen.add(cursor);
  }
  throw new MalformedReplyError(`${list} does not end: it has more than ${most} pages.`);
}
