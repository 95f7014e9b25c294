import * as z from "zod/mini";
import { parseForeign } from "../base/json.ts";
import type { Transport } from "../base/transport.ts";
import { ApiError } from "../errors/api.ts";
import { AdminKeyRequiredError } from "../errors/platform.ts";

/** Reads what fal tells ADMIN keys only. @throws {AdminKeyRequiredError} */
export async function readAsAdmin<T>(
  transport: Transport,
  url: string,
  schema: z.ZodMiniType<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const request = { operation: "platform", method: "GET", url, signal } as const;
  try {
    return await transport.send(request, ({ text }) => z.parse(schema, parseForeign(text)));
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) throw new AdminKeyRequiredError({ cause: error });
    throw error;
  }
}
