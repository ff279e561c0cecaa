export interface GatheringRules {
  /** Works that run at the same time. What arrives meanwhile waits and goes together into the next one. */
  readonly atOnce: number;
  /** Items in one work; a single delivery of more is not split. */
  readonly mostItems: number;
  /** A work that takes longer is counted no more: others need not wait for what hangs. */
  readonly slowMs: number;
}

interface Waiting<Item, Answer> {
  readonly items: readonly Item[];
  readonly done: PromiseWithResolvers<readonly Answer[]>;
}

/**
 * Brings together what arrives at the same time. A transport delivers each partition for itself, a few events at a time;
 * one transaction for all of them costs as much as one for each.
 */
export class Gathering<Item, Answer> {
  private waiting: Waiting<Item, Answer>[] = [];
  private atWork = 0;

  /** @param work answers each item, in order */
  constructor(
    private readonly work: (items: readonly Item[]) => Promise<readonly Answer[]>,
    private readonly rules: GatheringRules,
  ) {}

  /** Resolves with the answers to these items, in order. */
  add(items: readonly Item[]): Promise<readonly Answer[]> {
    const done = Promise.withResolvers<readonly Answer[]>();
    this.waiting.push({ items, done });
    this.next();
    return done.promise;
  }

  private next(): void {
    while (this.waiting.length > 0 && this.atWork < this.rules.atOnce) void this.perform(this.take());
  }

  private take(): Waiting<Item, Answer>[] {
    let size = 0;
    const end = this.waiting.findIndex(({ items }, nth) => (size += items.length) > this.rules.mostItems && nth > 0);
    return this.waiting.splice(0, end < 0 ? this.waiting.length : end);
  }

  private async perform(group: readonly Waiting<Item, Answer>[]): Promise<void> {
    this.atWork += 1;
    let isCounted = true;
    const release = () => {
      if (!isCounted) return;
      isCounted = false;
      this.atWork -= 1;
      this.next();
    };
    const slow = setTimeout(release, this.rules.slowMs);
    try {
      const answers = await this.work(group.flatMap(({ items }) => items));
      let from = 0;
      for (const { items, done } of group) done.resolve(answers.slice(from, (from += items.length)));
    } catch (error) {
      for (const { done } of group) done.reject(error);
    } finally {
      clearTimeout(slow);
      release();
    }
  }
}
