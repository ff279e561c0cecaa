import { declarations, declarationOf } from '@dsops/contracts/rotation/targets/declarations';
import { DomainError } from '@dsops/kernel';
import type { TargetDriver } from './driver.js';
import * as kinds from './kinds.js';
import type { Limits } from './kit/limits.js';

/** One driver of every kind, with the limits of production. */
export const makeDrivers = (): TargetDriver[] => Object.values(kinds).map((Driver) => new Driver());

/** The driver of one kind, with limits other than those of production. @throws DomainError `type_unknown` */
export function makeDriver(kind: string, limits: Partial<Limits>): TargetDriver {
  const Driver = kinds[declarationOf(kind).kind as keyof typeof kinds];
  return new Driver({ limits });
}

/** The drivers that this process has, by kind. Every kind that is declared has one, and no other has. */
export class Drivers {
  private readonly byKind: ReadonlyMap<string, TargetDriver>;

  /** @throws DomainError `drivers_incomplete`, which names every difference between declarations and drivers */
  constructor(drivers: readonly TargetDriver[] = makeDrivers()) {
    const faults = differences(
      [...declarations.keys()],
      drivers.map(({ kind }) => kind),
    );
    if (faults.length > 0)
      throw new DomainError('drivers_incomplete', 'internal', `Targets and drivers differ: ${faults.join('; ')}.`, {
        remedy:
          'Declare a kind in libs/contracts/src/rotation/targets/kinds.ts and its driver in libs/drivers/src/kinds.ts.',
      });
    this.byKind = new Map(drivers.map((driver) => [driver.kind, driver]));
  }

  /** @throws DomainError `type_unknown` */
  of(kind: string): TargetDriver {
    const driver = this.byKind.get(declarationOf(kind).kind);
    if (driver === undefined) throw new TypeError(`The driver of ${kind} is gone.`);
    return driver;
  }
}

/** Those of production, each but for its kind's `other`: a driver with other limits, or one that is watched. */
export const driversWith = (others: readonly TargetDriver[] = []): Drivers =>
  new Drivers([...others, ...makeDrivers().filter(({ kind }) => others.every((other) => other.kind !== kind))]);

/** What is declared and has no driver, what has a driver and is not declared, and what has two. */
export function differences(declared: readonly string[], drivers: readonly string[]): string[] {
  return [
    ...declared.filter((kind) => !drivers.includes(kind)).map((kind) => `${kind} is declared and has no driver`),
    ...drivers.filter((kind) => !declared.includes(kind)).map((kind) => `${kind} has a driver and is not declared`),
    ...drivers.filter((kind, nth) => drivers.indexOf(kind) < nth).map((kind) => `${kind} has two drivers`),
  ];
}
