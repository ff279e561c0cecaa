import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { DomainError, isDomainError } from '@dsops/kernel';
import { DaprWakeUps } from './dapr-wake-ups.service.js';

/**
 * Where the sidecar tells of a job that is due. 200: it is over. 503: it comes again by its failure policy. Every name is
 * answered, because daprd takes a 404 for success and the tick would be lost.
 */
@Controller('job')
export class DaprWakeUpsController {
  constructor(@Inject(DaprWakeUps) private readonly wakeUps: DaprWakeUps) {}

  @Post(':name')
  @HttpCode(200)
  async wake(@Param('name') name: string, @Body() body: unknown): Promise<void> {
    try {
      await this.wakeUps.receive(name, body);
    } catch (error) {
      if (isDomainError(error) && error.kind === 'unavailable') throw error;
      // Whatever it was: a status of its own, such as 404, would mean something else to daprd.
      throw new DomainError('wake_up_failed', 'unavailable', 'The handler of a wake-up failed.', {}, { cause: error });
    }
  }
}
