import type { HostedApp } from "../gateway/app.ts";
import type { Model } from "../model/model.ts";
import { echoModel } from "../stand-ins/from-schema/index.ts";
import { appOf } from "./endpoint.ts";

/** What there is to call: models, each an endpoint, and apps, each with all endpoints below it. */
export interface Catalog {
  readonly models: ReadonlyMap<string, Model>;
  readonly apps: ReadonlyMap<string, HostedApp>;
  /** Whether an endpoint that nothing is known of is answered all the same. */
  readonly answersAll: boolean;
}

/** The stand-in that answers for an endpoint, which may be one that only gives back what it is given. */
export const modelFor = (
  endpoint: string,
  { models, answersAll }: Pick<Catalog, "models" | "answersAll">,
): Model | undefined =>
  models.get(endpoint) ?? (answersAll && !isWay(endpoint) ? (echoModel(endpoint) as Model) : undefined);

/** Below an endpoint these are ways to call it, and no endpoints. */
const isWay = (endpoint: string): boolean => /\/(stream|realtime|cancel)$/.test(endpoint);

export const appFor = (endpoint: string, { apps }: Catalog): HostedApp | undefined =>
  apps.get(appOf(endpoint));

/** Undefined for what is not served. */
export const priceOf = (endpoint: string, catalog: Catalog): Model["price"] | undefined =>
  catalog.models.get(endpoint)?.price ?? appFor(endpoint, catalog)?.price;

export const namesOf = ({ models, apps }: Catalog): readonly string[] => [...models.keys(), ...apps.keys()];
