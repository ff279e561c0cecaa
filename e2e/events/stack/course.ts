import { setTimeout as pause } from 'node:timers/promises';
import { skewedCommands } from '../commands.js';
import { judge, type Verdict } from '../oracle.js';
import { readBrokerLog, type BrokerLog } from './broker-log.js';
import { Progress, Stalled } from './progress.js';
import { stepsOf, type CoursePlan, type Step } from './steps.js';
import { strike, type VictimName } from './victims.js';
import { CONSUMERS, type StackWorld } from './world.js';

export interface KillResult {
  readonly victim: VictimName;
  readonly who: string;
  readonly replicas: number;
  /** From the kill until the victim was ready again. */
  readonly backMs: number;
  /** From the kill until the first effect after that. */
  readonly firstMs: number;
  /** From the kill until everything had its effect that had been said until the victim was back: of every key. */
  readonly wholeMs: number;
}

export interface ScaleResult {
  readonly from: number;
  readonly to: number;
  /** Until each new replica has applied something; null where none is new. */
  readonly sharedMs: number | null;
  /** Until everything had its effect that had been said before the last one was started or gone. */
  readonly wholeMs: number;
}

export interface CourseResult {
  readonly kills: readonly KillResult[];
  readonly scales: readonly ScaleResult[];
  readonly verdict: Verdict;
  readonly log: BrokerLog;
  /** Processes that ended and had not been killed. */
  readonly crashed: readonly string[];
  /** Why the run gave up, and did not do the rest of its kills; null when it did not. */
  readonly stalled: string | null;
  /** From the first command to the last effect. */
  readonly tookMs: number;
}

/** Effects are behind their commands by so many at most, or the client waits. */
export const MOST_BEHIND = 6_000;

/**
 * The whole proof: commands flow the whole time, and each step waits until what came before it is overcome. The commands
 * are dealt out over the steps, so that there are some before, during and after each.
 */
export class Course {
  private readonly progress: Progress;
  private readonly kills: KillResult[] = [];
  private readonly scales: ScaleResult[] = [];
  private allowed = 0;
  private effects = 0;
  private isOver = false;
  private stalled: string | null = null;

  constructor(
    private readonly world: StackWorld,
    private readonly plan: CoursePlan,
    private readonly tell: (line: string) => void,
  ) {
    this.progress = new Progress(world.database.admin, CONSUMERS, plan.patienceMs);
  }

  async run(): Promise<CourseResult> {
    const { world, plan } = this;
    await world.startProducers();
    await world.scaleTo(plan.replicas[0]!);
    const commands = skewedCommands(plan.commands, plan.keys);
    const startedMs = performance.now();
    let tookMs: number;
    try {
      [tookMs] = await Promise.all([
        this.perform(commands, startedMs),
        this.unlessStalled(this.takeSteps()),
        this.watchEffects(),
      ]);
    } finally {
      this.isOver = true;
    }
    const verdict = await judge(world.database.admin, world.client.acknowledged, CONSUMERS);
    const log = await readBrokerLog(world.kafka.kafka.brokers, world.topic);
    return {
      kills: this.kills,
      scales: this.scales,
      verdict,
      log,
      tookMs,
      crashed: world.crashed,
      stalled: this.stalled,
    };
  }

  /** Answers how long it took until the last effect. */
  private async perform(commands: ReturnType<typeof skewedCommands>, startedMs: number): Promise<number> {
    const { client } = this.world;
    const effectsPerCommand = 1.1 * CONSUMERS.length;
    await client.perform(
      commands,
      () =>
        client.begun < this.allowed &&
        (this.stalled !== null || client.count * effectsPerCommand - this.effects < MOST_BEHIND),
    );
    await this.unlessStalled(this.progress.untilApplied(await this.progress.heads()));
    return performance.now() - startedMs;
  }

  /** Where something is lost nothing goes on: then it is time to count. */
  private async unlessStalled(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof Stalled)) throw error;
      this.stalled ??= error.message;
    }
    this.allowed = this.plan.commands;
  }

  private async takeSteps(): Promise<void> {
    const steps = stepsOf(this.plan);
    for (const [nth, step] of steps.entries()) {
      // Half of a step's commands before and during the fault; the rest, and as many as it takes, once the victim is back.
      const from = this.allowed;
      const share = Math.floor((this.plan.commands - from) / (steps.length - nth + 1));
      this.allowed = from + Math.ceil(share / 2);
      await this.untilBegun(from + Math.random() * 0.6 * (this.allowed - from));
      if ('victim' in step) this.kills.push(await this.kill(step.victim, step.nth, share));
      else this.scales.push(await this.scale(step.replicas, share));
      this.tell(
        `${nth + 1}/${steps.length}  ${this.wordsOf(step)}  ${this.world.client.count} commands, ${this.effects} effects`,
      );
    }
  }

  private async kill(victim: VictimName, nth: number, share: number): Promise<KillResult> {
    const { world, progress } = this;
    const struck = await strike(world, victim, nth);
    const killedMs = performance.now();
    const since = (what: Promise<void>) => what.then(() => performance.now() - killedMs);
    await struck.back();
    const backMs = performance.now() - killedMs;
    const heads = await progress.heads();
    const last = await progress.lastEffect();
    const [firstMs, wholeMs] = await this.whileCommandsFlow(share, () =>
      Promise.all([since(progress.untilEffectAfter(last)), since(progress.untilApplied(heads))]),
    );
    return { victim, who: struck.who, replicas: world.consumers.length, backMs, firstMs, wholeMs };
  }

  private async scale(to: number, share: number): Promise<ScaleResult> {
    const { world, progress } = this;
    const from = world.consumers.length;
    const startedMs = performance.now();
    const since = (what: Promise<void>) => what.then(() => performance.now() - startedMs);
    const fresh = await world.scaleTo(to);
    const heads = await progress.heads();
    const [sharedMs, wholeMs] = await this.whileCommandsFlow(share, () =>
      Promise.all([since(progress.untilAllApply(fresh.map(({ name }) => name))), since(progress.untilApplied(heads))]),
    );
    return { from, to, sharedMs: fresh.length === 0 ? null : sharedMs, wholeMs };
  }

  /** Without new commands there would be nothing to see progress by. */
  private async whileCommandsFlow<R>(share: number, work: () => Promise<R>): Promise<R> {
    this.allowed += Math.floor(share / 2);
    const drip = setInterval(() => {
      const isIdle = this.world.client.begun >= this.allowed;
      if (isIdle) this.allowed = Math.min(this.plan.commands, this.allowed + Math.ceil(share / 50));
    }, 500);
    try {
      return await work();
    } finally {
      clearInterval(drip);
    }
  }

  private async untilBegun(count: number): Promise<void> {
    while (this.world.client.begun < count && !this.isOver) await pause(5);
  }

  /** How far the effects are, for the client to wait for them. */
  private async watchEffects(): Promise<void> {
    while (this.world.client.count < this.plan.commands && !this.isOver) {
      this.effects = await this.progress.effectCount();
      await pause(200);
    }
  }

  private wordsOf(step: Step): string {
    const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
    if ('replicas' in step) return `${step.replicas} replicas, in ${seconds(this.scales.at(-1)!.wholeMs)}`;
    const { who, backMs, firstMs, wholeMs } = this.kills.at(-1)!;
    return `${step.victim} (${who}): back ${seconds(backMs)}, goes on ${seconds(firstMs)}, nothing behind ${seconds(wholeMs)}`;
  }
}
