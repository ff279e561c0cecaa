import { pointKey, type Point } from './protocol.js';

/** Counts the points that this process passes, tells of each, and stands still at those it was told to. */
export class Points {
  private readonly begun = new Map<string, number>();
  /** A rotation and a request of a person can stand still side by side. */
  private readonly standing: (() => void)[] = [];
  private isNextOne = false;

  constructor(
    private readonly stopAt: ReadonlySet<string>,
    private readonly tell: (is: 'passed' | 'standing', point: Point) => void,
  ) {}

  async pass(effect: string, when: Point['when']): Promise<void> {
    const occurrence = (this.begun.get(effect) ?? 0) + (when === 'before' ? 1 : 0);
    this.begun.set(effect, occurrence);
    const point: Point = { effect, when, occurrence };
    if (!this.isNextOne && !this.stopAt.has(pointKey(point))) return this.tell('passed', point);
    this.isNextOne = false;
    this.tell('standing', point);
    await new Promise<void>((goOn) => this.standing.push(goOn));
  }

  /** @param toNext stand still again at the next point, whatever it is */
  go(toNext: boolean): void {
    this.isNextOne = toNext;
    for (const goOn of this.standing.splice(0)) goOn();
  }
}
