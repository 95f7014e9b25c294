import type { HostedApp } from "../gateway/app.ts";
import type { Model } from "../model/model.ts";
import { appOf } from "./endpoint.ts";

/** What there is to call: models, each an endpoint, and apps, each with all endpoints below it. */
export interface Catalog {
  readonly models: ReadonlyMap<string, Model>;
  readonly apps: ReadonlyMap<string, HostedApp>;
}

export const appFor = (endpoint: string, { apps }: Catalog): HostedApp | undefined =>
  apps.get(appOf(endpoint));

/** Undefined for what is not served. */
export const priceOf = (endpoint: string, catalog: Catalog): Model["price"] | undefined =>
  catalog.models.get(endpoint)?.price ?? appFor(endpoint, catalog)?.price;

export const namesOf = ({ models, apps }: Catalog): readonly string[] => [...models.keys(), ...apps.keys()];
