const HEADER = "x-fal-billable-units";

/**
 * What fal bills, in the endpoint's priced unit; undefined where it does not say, or says no amount.
 * Source: https://fal.ai/docs/documentation/model-apis/common-parameters
 */
export function billableUnits(headers: Headers | undefined): number | undefined {
  const said = headers?.get(HEADER)?.trim();
  const units = said ? Number(said) : Number.NaN;
  return Number.isFinite(units) && units >= 0 ? units : undefined;
}

/** The headers that say so. */
export const billedHeaders = (units: unknown): Headers =>
  new Headers(units === undefined ? {} : { [HEADER]: String(units) });
