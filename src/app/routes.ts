import { Hono } from "hono";
import { cors } from "hono/cors";
import { answer, type Site } from "./answer.ts";
import { failureAnswer } from "./answers.ts";
import type { Log } from "./context.ts";
import type { AnyEndpoint } from "./endpoint.ts";
import { LET_GO, UNEXPECTED } from "./failure.ts";
import { sourceOf } from "./source.ts";

export interface RoutesOptions<S> {
  readonly endpoints: Readonly<Record<string, AnyEndpoint<S>>>;
  readonly version: string;
  /** The site once it is set up. */
  readonly ready: () => Promise<Site<S>> | Site<S>;
  /** Whether no more requests are taken. */
  readonly isClosing: () => boolean;
  /** @throws where the app is not well. */
  readonly health: (() => unknown) | undefined;
  readonly openapi: () => Promise<object>;
  readonly log: () => Log;
  readonly told: Told;
}

/** Hears of each answer. @param path The endpoint's, or `unmatched`. @param begun As `performance.now()` had it. */
export type Told = (path: string, method: string, status: number, begun: number) => void;

/** The app's addresses: its endpoints and what fal's own apps have besides. */
export function routes<S>(options: RoutesOptions<S>): Hono {
  const { endpoints, ready, isClosing, told } = options;
  const app = new Hono();
  app.options("*", cors({ origin: "*", credentials: true, maxAge: 600 }));
  for (const [path, endpoint] of Object.entries(endpoints)) {
    app.post(path, async (c) => {
      const begun = performance.now();
      // What comes once the runner ends is another one's.
      const response = isClosing()
        ? failureAnswer(LET_GO)
        : await answer(await ready(), path, endpoint, sourceOf(c.req.raw, c.env));
      told(path, "POST", response.status, begun);
      return response;
    });
    app.post(cancelPath(path), async (c) => {
      const { requests, isBehindGateway } = await ready();
      const id = c.req.header("x-fal-request-id") ?? "";
      // Elsewhere anybody may name the request of another one.
      return isBehindGateway() && requests.cancel(path, id, "The request was cancelled.")
        ? c.json({ status: "CANCELLATION_REQUESTED" })
        : c.json({ status: "NOT_FOUND" }, 404);
    });
  }
  app.on(["GET", "POST"], "/health", async (c) => {
    try {
      await options.health?.();
    } catch (error) {
      options.log().error({ err: error }, "The app is not well");
      return failureAnswer({ status: 503, detail: "The app is not well." });
    }
    return c.json({ version: options.version });
  });
  app.get("/openapi.json", async (c) => c.json(await options.openapi()));
  for (const path of Object.keys(endpoints)) {
    app.all(path, (c) => {
      told(path, c.req.method, 405, performance.now());
      return failureAnswer({
        ...{ status: 405, detail: "Method Not Allowed", billableUnits: 0 },
        headers: { allow: "POST" },
      });
    });
  }
  // Such as a setup that fails, where nothing else has started the app.
  app.onError((error) => {
    options.log().error({ err: error }, "The app could not take a request");
    return failureAnswer(UNEXPECTED);
  });
  app.notFound((c) => {
    told("unmatched", c.req.method, 404, performance.now());
    return failureAnswer({ status: 404, detail: `Path ${c.req.path} not found`, billableUnits: 0 });
  });
  return app;
}

/** Where fal cancels a request that is being answered: https://fal.ai/docs/documentation/development/handle-cancellations */
export const cancelPath = (path: string): string => `${path.replace(/\/$/, "")}/cancel`;
