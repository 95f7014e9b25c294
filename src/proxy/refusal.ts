/** Why a request is not passed on, as its caller may know it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

export const refusal = (status: number, detail: string): Refusal => new Refusal(status, detail);
