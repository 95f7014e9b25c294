/** What to do without a key, for who sits at a terminal. */
export const KEY_CURE =
  "Set it to a key from fal.ai/dashboard/keys: export FAL_KEY=key_id:key_secret. To try without one, put the emulator " +
  "in front: fal-chain emulate -- fal-chain call …";

/** What `--help` says below the options. */
export const HELP = {
  program: `
Examples:
  fal-chain call fal-ai/flux/schnell prompt="a fox" num_images=2 --out pictures
  fal-chain emulate -- node app.ts     the same program, without a key
  fal-chain calls                      what was called, and what it cost
  fal-chain runs                       runs of chains, and what they wait for
  fal-chain demo "a fox in a snowy forest"
  fal-chain help call                  more about one command

Exit codes:
  0    done
  1    fal said no, or the result could not be had
  2    wrong arguments or environment; nothing was sent
  3    the call may or may not have been accepted: do not simply repeat it
  124  the time of --timeout passed
  130  interrupted by Ctrl-C or SIGTERM
`,
  call: `
Fields read name=value. A value that is JSON is taken as such, any other as the
text that it is; a dot goes one level down: image_size.width=512. A text that
looks like a number needs quotation marks of its own: prompt='"1984"'.

The status goes to standard error, the output to standard output: JSON, or with
--out the names of the files. Giving up (Ctrl-C, --timeout) cancels the request
upstream, and says what became of it.

Examples:
  fal-chain call fal-ai/flux/schnell prompt="a fox" num_images=2
  fal-chain call fal-ai/flux/schnell prompt="a fox" --json | jq .cost.usd
  fal-chain call fal-ai/esrgan image_url=https://example.com/fox.png --out big
  fal-chain call acme/painter --input in.json --tag customer=acme --timeout 5m
  fal-chain emulate -- fal-chain call fal-ai/flux/schnell prompt="a fox"
`,
  calls: `
Every call of this command is noted before it is paid for: in the project's
.fal-chain/store.db where there is one, else in
~/.local/share/fal-chain/store.db, or local.db beside it for what is called on
this machine, such as the emulator; or where FAL_CHAIN_STORE or --store says.
Programs note theirs where FAL_CHAIN_STORE says. An ID may be cut short.

Examples:
  fal-chain calls --state ambiguous --since 7d
  fal-chain calls show 3f2a9c1e
  fal-chain calls settle 3f2a9c1e --adopt 019b76da-a800-7490-854e-05327641750d
  fal-chain calls --store postgres://me:secret@db/ledger --json
`,
  runs: `
Runs are where their programs keep them: set FAL_CHAIN_STORE for both, or say
--store. A run is named chain/id, or by its id or its beginning where only one
is meant.

Examples:
  fal-chain runs --state blocked --since 7d
  fal-chain runs show poster/order-1042
  fal-chain runs resume order-1042 --load ./chains.ts
  fal-chain runs settle order-1042 --resubmit
  fal-chain runs cancel order-1042 --reason "no longer wanted"
`,
  resume: `
The module exports the chain; its client keeps its runs where FAL_CHAIN_STORE or
--store says, unless it was given another store. Node 22.18 and newer read
TypeScript. What the run has paid for is reused; a failed run goes on from the
step that failed.

Examples:
  fal-chain runs resume poster/order-1042 --load ./chains.ts
  fal-chain runs resume order-1042 --load ./chains.ts --store sqlite:runs.db
`,
  settle: `
A submit whose answer was lost may be paid for or not. Where the request history
did not tell, look at it in fal's dashboard, and say what it was:

  --adopt REQUEST  it is this request; its result is fetched, not paid again
  --resubmit       it was never accepted: send it again, which is paid again
  --give-up        nobody wants it any more

Examples:
  fal-chain calls settle 3f2a9c1e --adopt 019b76da-a800-7490-854e-05327641750d
  fal-chain calls settle 3f2a9c1e --resubmit
`,
  settleRun: `
The submit that a run is blocked on may be paid for or not. fal-chain runs show
names it; look for it in fal's dashboard, and say what it was:

  --adopt REQUEST  it is this request; the run waits for its result
  --resubmit       it was never accepted: the run sends it again, which is paid
  --give-up        nobody wants it any more: the step fails

Then resume the run.

Examples:
  fal-chain runs settle order-1042 --adopt 019b76da-a800-7490-854e-05327641750d
  fal-chain runs settle order-1042 --resubmit
`,
  rescue: `
When a store cannot be written after a call was paid (a full disk, a lost
database), what it should have noted is kept in a rescue file. This reads the
file back. Doing so twice changes nothing; lines that the store still does not
take stay in the file.

Examples:
  fal-chain calls rescue
  fal-chain calls rescue calls.db.rescue.jsonl --store calls.db
`,
  costs: `
Sums are exact, and of known costs only; how many calls are missing, and why,
stands beside and below them. Days are UTC's, by the time of the intent.

  cost      measured (units that fal billed, times their price), estimated or
            invoiced; those two have columns of their own where there are any
  wait run  in fal's queue, and in the model
  runner    how long runners (FAL_JOB_ID) waited, each call by itself
  wasted    with --waste: failed but billed, or results that nobody used
  doubtful  with --waste: calls that may have been billed for nothing
  saved     with --waste: what results that were used again did not cost

--run draws a tree: each step with what it waited, ran and cost, the sums of its
scopes, and the runs that were started within it. With --by, --waste or another
choice of calls it is a table.

--focus prints one row per call as FOCUS 1.3 (FinOps Open Cost and Usage
Specification) CSV, the newest first; docs/money.md tells the columns.

--reconcile reads the account's bill since --since (default: 7d), notes what it
says as invoiced, and lists what is late, missing, of another price, or unknown
to this ledger.

Examples:
  fal-chain costs --since 7d
  fal-chain costs --by tag:customer,job_id
  fal-chain costs --by day,chain --tag customer=acme --csv
  fal-chain costs --run poster/order-1042
  fal-chain costs --since 30d --by tag:customer --html report.html
  fal-chain costs --since 30d --focus > focus.csv
  fal-chain costs --reconcile --since 30d
`,
  env: `
Exits with 1 if a call could not be made with what was found.

Examples:
  fal-chain env
  fal-chain env --json | jq .origins
`,
  emulate: `
Without a program it serves until Ctrl-C. With one it serves for as long as the
program runs, and exits with the program's own exit code. The program finds
FAL_HOST and FAL_KEY in its environment, in place of any real ones.

Examples:
  fal-chain emulate
  fal-chain emulate --port 9000 --seed 7
  fal-chain emulate -- node app.ts --its-own-option
  fal-chain emulate -- fal-chain demo
`,
  demo: `
With FAL_KEY set it runs on fal and is billed there; without, it runs on the
built-in emulator.

Examples:
  fal-chain demo
  fal-chain demo a fox in a snowy forest --out pictures
`,
} as const;
