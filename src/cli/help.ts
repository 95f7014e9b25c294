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
