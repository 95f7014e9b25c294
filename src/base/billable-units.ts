/**
 * What fal bills, in the endpoint's priced unit; undefined where it does not say, or says no amount.
 * `x-fal-billable-units`: https://fal.ai/docs/documentation/model-apis/common-parameters
 */
export function billableUnits(headers: Headers | undefined): number | undefined {
  const said = headers?.get("x-fal-billable-units")?.trim();
  const units = said ? Number(said) : Number.NaN;
  return Number.isFinite(units) && units >= 0 ? units : undefined;
}
