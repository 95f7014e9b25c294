import { InvalidArgumentError } from "../errors/arguments.ts";

/** Another currency at a rate that somebody vouches for. Sums stay in US dollars: this is how they are shown. */
export interface CurrencyRate {
  /** ISO 4217, such as `EUR`. */
  readonly code: string;
  /** What one US dollar is worth of it. */
  readonly perUsd: number;
  /** The day that the rate is of, `2026-11-01`. */
  readonly on: string;
}

/** @throws {InvalidArgumentError} for what is no rate, or has no day. */
export function checkRate({ code, perUsd, on }: CurrencyRate): void {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(on) && !Number.isNaN(Date.parse(on));
  if (/^[A-Z]{3}$/.test(code) && perUsd > 0 && Number.isFinite(perUsd) && isDay) return;
  throw new InvalidArgumentError(
    "A currency is a code, what one US dollar is worth of it, and the day of that rate: " +
      '{ code: "EUR", perUsd: 0.92, on: "2026-11-01" }, or --currency EUR=0.92@2026-11-01.',
  );
}

const DIGITS = 9;

/**
 * An exact decimal of dollars in the other currency, to the billionth, half of one away from zero.
 *
 * @param usd `-12.5`
 */
export function converted(usd: string, { perUsd }: CurrencyRate): string {
  const amount = scaled(usd, DIGITS);
  const rate = scaled(perUsd.toFixed(DIGITS), DIGITS);
  const scale = 10n ** BigInt(DIGITS);
  const product = amount * rate;
  const half = product < 0n ? -scale / 2n : scale / 2n;
  const whole = (product + half) / scale;
  const digits = String(whole < 0n ? -whole : whole).padStart(DIGITS + 1, "0");
  const fraction = digits.slice(-DIGITS).replace(/0+$/, "").padEnd(2, "0");
  return `${whole < 0n ? "-" : ""}${digits.slice(0, -DIGITS)}.${fraction}`;
}

function scaled(decimal: string, digits: number): bigint {
  const [whole = "0", part = ""] = decimal.replace("-", "").split(".");
  const amount = BigInt(whole + part.padEnd(digits, "0").slice(0, digits));
  return decimal.startsWith("-") ? -amount : amount;
}
