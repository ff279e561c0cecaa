import { pointKey, type Point } from './protocol.js';

/** Counts the points that this process passes, tells of each, and stands still at those it was told to. */
export class Points {
  private readonly begun = new Map<string, number>();
  /** By the point. A rotation and a request of a person can stand still side by side. */
  private readonly standing = new Map<string, () => void>();
  private isNextOne = false;

  constructor(
    private readonly stopAt: ReadonlySet<string>,
    private readonly tell: (is: 'passed' | 'standing', point: Point) => void,
  ) {}

  async pass(effect: string, when: Point['when']): Promise<void> {
    const occurrence = (this.begun.get(effect) ?? 0) + (when === 'before' ? 1 : 0);
    this.begun.set(effect, occurrence);
    const point: Point = { effect, when, occurrence };
    const key = pointKey(point);
    if (!this.isNextOne && !this.stopAt.has(key)) return this.tell('passed', point);
    this.isNextOne = false;
    this.tell('standing', point);
    await new Promise<void>((goOn) => this.standing.set(key, goOn));
  }

  /**
   * @param at whoever stands at this point goes on; null: everybody
   * @param toNext stand still again at the next point, whatever it is
   */
  go(at: string | null, toNext: boolean): void {
    this.isNextOne = toNext;
    for (const [key, goOn] of [...this.standing]) {
      if (at !== null && at !== key) continue;
      this.standing.delete(key);
      goOn();
    }
  }
}
