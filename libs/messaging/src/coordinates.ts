/** An event's place: its topic, its key there, and its number in the order of that key. */
export interface Coordinates {
  readonly topic: string;
  readonly key: string;
  /** Numbers begin anew with each epoch; see `raiseEpoch`. */
  readonly epoch: number;
  readonly sequence: bigint;
}
