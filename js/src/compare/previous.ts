/** The comparison of a tree's trace with the run before it, in the place of the tree. */
import type { Requests } from "../page/rpc";
import type { Comparison } from "./session";
import type { DiffData, DiffValues } from "./types";

export class PreviousRun implements Comparison {
  readonly whole = true;

  constructor(
    readonly data: DiffData,
    readonly requests: Requests,
  ) {}

  values(line: number, busy: () => void): Promise<DiffValues> {
    return this.requests.ask("values", { line }, busy);
  }

  subscribe(): () => void {
    // It does not change.
    return () => {};
  }
}
