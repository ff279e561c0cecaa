/** An event's place: its topic, its key there, and its number in the order of that key. */
export interface Coordinates {
  readonly topic: string;
  readonly key: string;
  /** Numbers begin anew with each epoch; see `raiseEpoch`. */
  readonly epoch: number;
  readonly sequence: bigint;
}

/** What names a key among those of all topics. */
export const keyIdOf = ({ topic, key }: Pick<Coordinates, 'topic' | 'key'>): string => `${topic}\n${key}`;

/** What names a place among those of all keys. */
export const placeIdOf = (at: Coordinates): string => `${keyIdOf(at)}\n${at.epoch}\n${at.sequence}`;
