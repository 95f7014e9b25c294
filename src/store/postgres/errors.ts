import { FalError } from "../../errors/fal-error.ts";
import { withoutSecrets } from "../../errors/secrets.ts";
import { isOfJavaScript, StoreError } from "../../errors/store.ts";

/** PostgreSQL's SQLSTATEs and Node's network codes: what happened, and what helps. */
const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "cannot be reached: nothing listens there. Check host and port, and that the server runs.",
  ENOTFOUND: "cannot be reached: its host name is unknown. Check the URL.",
  EAI_AGAIN: "cannot be reached: its host name cannot be resolved now. Try again, or check the network.",
  ETIMEDOUT: "cannot be reached: it does not answer. Check host, port and firewall.",
  EHOSTUNREACH: "cannot be reached: there is no way to its host. Check the network.",
  ENETUNREACH: "cannot be reached: there is no way to its network. Check the network.",
  "28P01": "refuses the user or the password. Check the URL.",
  "28000": "refuses this user. Check the URL, and what the server's pg_hba.conf asks of it.",
  "3D000": "has no such database. Create it, or check the URL.",
  "42501": "forbids this user what the store needs. Grant it CREATE on the database, or on the schema.",
  "25006": "is read-only, as a replica is. Give the URL of the primary server.",
  "53100": "has no room: its disk is full. Free some space; nothing was written by halves.",
  "53300": "has no connection left. Lower `max`, or raise the server's max_connections.",
  "57P03": "is starting up or shutting down. Try again.",
};

/** Two transactions met: one of them did what the other was about to do. Done again, it sees what is there. */
const MET: readonly string[] = ["23505", "40001", "40P01"];
export const hasMet = (error: unknown): boolean => MET.includes(codeOf(error));

/** SQLSTATEs and codes that pass by themselves. */
const PASSING: readonly string[] = [
  // The server restarts, recovers, or ends a connection that was idle in a transaction.
  ...["57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04"],
  ...MET,
  // Nobody knows whether it was done, or it waited for somebody else for too long.
  ...["40003", "55P03", "57014"],
  // Somebody else was making the same schema.
  ...["42P06", "42P07", "42710", "42723"],
  // So many connections at once.
  ...["53300", "53400"],
  ...[
    "ECONNREFUSED",
    "ECONNRESET",
    "ECONNABORTED",
    "EPIPE",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "EAI_AGAIN",
  ],
];

/** The connection says nothing any more, as after a failover that nobody told it of. */
export class SilentError extends Error {}

/** SQLSTATE, or the network error's code; the network error of several addresses has it inside. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** SQLSTATE's classes of data exceptions, broken constraints and exceeded limits: it is the value, and not the server. */
const OF_VALUE = /^(22|23|54)/;

/** The connection went away: the server restarted, or something between here and there closed it, or it is silent. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof SilentError) return true;
  const code = codeOf(error);
  if (["57P01", "57P02", "57P04", "57P05", "25P03", "25P04", "ECONNRESET", "EPIPE"].includes(code))
    return true;
  if (code.startsWith("08")) return true;
  // pg's own have no code. A pooler such as pgbouncer says "server conn crashed?" and the like, with a code of class 08.
  return (
    error instanceof Error && /Connection terminated|not queryable|Connection ended/i.test(error.message)
  );
}

/** Whether trying again for some seconds may help. */
const isPassing = (error: unknown): boolean =>
  PASSING.includes(codeOf(error)) || isConnectionLost(error) || /timeout/i.test(messageOf(error));

/**
 * The error of a database, for people. PostgreSQL's own has the rejected row in it, and so perhaps a prompt: of it the
 * message and the code are kept.
 */
export function postgresError(name: string, error: unknown): FalError {
  if (error instanceof FalError) return error;
  const code = codeOf(error);
  const said = withoutSecrets(messageOf(error));
  const cause = Object.assign(new Error(said), { code });
  const retryable = isPassing(error);
  const known = BY_CODE[code];
  if (known) return new StoreError(`The store ${name} ${known}`, { cause, retryable });
  if (OF_VALUE.test(code) || isOfJavaScript(error) || /invalid memory alloc request size/.test(said)) {
    const problem = `The store ${name} cannot hold this${code && ` (${code})`}: ${said}.`;
    return new StoreError(problem, { cause, retryable, isOfValue: !retryable });
  }
  if (isConnectionLost(error) || /timeout/i.test(said)) {
    return new StoreError(
      `The store ${name} lost its connection or did not answer in time. Try again, and check the server and the network.`,
      { cause, retryable },
    );
  }
  return new StoreError(`The store ${name} failed${code && ` (${code})`}: ${said}.`, { cause, retryable });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
