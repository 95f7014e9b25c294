import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@platformatic/prom-client";
import type { Served } from "./serving.ts";

/** What a runner tells of itself, in Prometheus' form. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/**
 * The process, and the requests by endpoint and status, under the names that fal's own apps have. A path that no endpoint
 * has counts as `unmatched`, so that nobody can make rows without end.
 */
export function createMetrics<S>(app: Pick<Served<S>, "tell" | "version" | "requests">): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ app_name: "fal" });
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({ name: "fal_app_info", help: "The app", labelNames: ["version"], registers }).set(
    { version: app.version },
    1,
  );
  const labelNames = ["method", "path", "status_code"] as const;
  const count = new Counter({ name: "http_requests_total", help: "Requests", labelNames, registers });
  const seconds = new Histogram({
    ...{ name: "http_request_duration_seconds", help: "Until the answer, in seconds", labelNames, registers },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
  });
  new Gauge({
    ...{ name: "http_requests_in_progress", help: "Requests that are being answered", registers },
    collect() {
      this.set(app.requests.count);
    },
  });
  app.tell((path, method, status, begun) => {
    const labels = { method, path, status_code: status };
    count.inc(labels);
    seconds.observe(labels, (performance.now() - begun) / 1_000);
  });
  return { contentType: registry.contentType, text: () => registry.metrics() };
}
