/** What is asked for: it is written with its command in one transaction, and has one effect in another, later. */
export interface Command {
  readonly id: string;
  readonly key: string;
}

export interface Contender {
  readonly name: string;
  /** How much of a measurement's commands it gets: 1, or less when it would take all day. */
  readonly share: number;
  /** Makes ready without being measured, and forgets the run before. */
  begin(): Promise<void>;
  /** One transaction: a row of the command, and what makes its effect happen. */
  command(command: Command): Promise<void>;
  /** Resolves when so many effects have been committed. */
  untilEffects(count: number): Promise<void>;
  /** @returns what was lost, done twice or done in the wrong order */
  problems(commands: readonly Command[]): Promise<string[]>;
  end(): Promise<void>;
}
