import type { RunName } from "./run.ts";

/** `chain/id`: a run in one word, for people, tags and reports. A chain's name may hold a slash, so it may be the name of several. */
export const runName = (chain: string, id: string): string => `${chain}/${id}`;

/** The same of a record. */
export const nameOfRun = ({ chain, id }: RunName): string => runName(chain, id);

/** The same of whoever a call is for; undefined outside of any run. */
export const runOf = (of: {
  readonly chain: string | undefined;
  readonly run: string | undefined;
}): string | undefined => (of.run === undefined ? undefined : runName(of.chain ?? "", of.run));

/** The id in such a name, where its chain is known. */
export const idIn = (name: string, chain: string): string => name.slice(chain.length + 1);

/** The runs that a name may be of. */
export const runsNamed = (name: string): RunName[] =>
  [...name.matchAll(/\//g)].map(({ index }) => ({ chain: name.slice(0, index), id: name.slice(index + 1) }));
