/** More than a request can have, whatever its unit is. */
const MOST_UNITS = 1e12;

const HEADER = "x-fal-billable-units";

/**
 * What fal bills, in the endpoint's priced unit; undefined where it does not say, or says no amount
 * that can be meant.
 * Source: https://fal.ai/docs/documentation/model-apis/common-parameters
 */
export function billableUnits(headers: Headers | undefined): number | undefined {
  const said = headers?.get(HEADER)?.trim();
  const units = said ? Number(said) : Number.NaN;
  return units >= 0 && units <= MOST_UNITS ? units : undefined;
}
