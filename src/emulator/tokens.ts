import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** What a temporary token is good for. */
export interface Grant {
  readonly account: string;
  /** Aliases of apps, or whole ids. */
  readonly apps: readonly string[];
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** Temporary tokens, which say themselves what they are good for: nothing of them is kept. */
export interface Tokens {
  issue(grant: Grant): string;
  /** Undefined for what this emulator has not issued. */
  read(token: string): Grant | undefined;
}

/** In the form of fal's, a JWT. Those of another emulator, or of an earlier life of this one, are worth nothing. */
export function createTokens(): Tokens {
  const secret = randomBytes(32);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = (text: string) => createHmac("sha256", secret).update(text).digest("base64url");
  const head = part({ alg: "HS256", typ: "JWT" });
  return {
    issue({ account, apps, until }) {
      const text = `${head}.${part({ sub: account, apps, exp: Math.floor(until / 1000) })}`;
      return `${text}.${signed(text)}`;
    },
    read(token) {
      const end = token.lastIndexOf(".");
      const [given, due] = [token.slice(end + 1), signed(token.slice(0, end))].map((text) =>
        Buffer.from(text),
      );
      if (!given || !due || given.length !== due.length || !timingSafeEqual(given, due)) return undefined;
      const claims = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
      const { sub, apps, exp } = JSON.parse(claims) as { sub: string; apps: string[]; exp: number };
      return { account: sub, apps, until: exp * 1000 };
    },
  };
}
