import { DomainError } from '@dsops/kernel';
import type { TargetDriver } from '@dsops/drivers/driver';

/** The drivers that this process has, by the type of service they serve. */
export class Drivers {
  private readonly byType: ReadonlyMap<string, TargetDriver>;

  constructor(drivers: readonly TargetDriver[]) {
    this.byType = new Map(drivers.map((driver) => [driver.type, driver]));
    if (this.byType.size !== drivers.length) throw new TypeError('Two drivers serve the same type.');
  }

  /** @throws DomainError `type_unknown` */
  of(type: string): TargetDriver {
    const driver = this.byType.get(type);
    if (driver === undefined)
      throw new DomainError('type_unknown', 'invalid', `There is no driver for ${type}.`, {
        path: 'type',
        remedy: `Use one of: ${[...this.byType.keys()].join(', ')}.`,
      });
    return driver;
  }
}
