export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });

/** The plain form: authentication, unknown paths, unreadable bodies. */
export const plainError = (status: number, detail: string): Response => json({ detail }, status);

/** The infrastructure form: a text, a code, and the code again as a header. */
export const requestError = (status: number, errorType: string, detail: string): Response =>
  json({ detail, error_type: errorType }, status, { "x-fal-error-type": errorType });

/** The form of the platform API, which shares nothing with the others. */
export const platformError = (
  status: number,
  type: "authorization_error" | "validation_error" | "not_found",
  message: string,
): Response => json({ error: { type, message } }, status);

export const methodNotAllowed = (allowed: string): Response =>
  json({ detail: "Method Not Allowed" }, 405, { allow: allowed });

/** fal's words for too many requests at once; `data` is said to have further keys. */
export const concurrencyLimit = (limit: number): Response =>
  json(
    {
      detail: `Reached concurrent requests limit of ${limit}`,
      type: "concurrent_requests_limit",
      data: { limit },
    },
    429,
    { "x-fal-needs-retry": "1" },
  );
