import { createHash } from 'node:crypto';
import { Controller, Inject } from '@nestjs/common';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import {
  abandonRotation,
  clearRotation,
  getRotation,
  getStatus,
  listRotations,
  planRotation,
  resumeRotation,
  rollBack,
  startRotation,
} from '@dsops/contracts/rotation/api';
import { answerOnce, IdempotencyKey, UNIT_OF_WORK, type UnitOfWork } from '@dsops/messaging';
import { CalledBy, Input, Serves, type Caller, type InputOf } from '@dsops/platform';
import type { Tx } from '../database/tx.js';
import { AbandonService } from './abandon.service.js';
import { Planning } from './preview.service.js';
import { RotationQueries } from './rotation-query.service.js';
import { RotationService } from './rotation.service.js';

@Controller()
export class RotationController {
  constructor(
    private readonly planning: Planning,
    private readonly rotations: RotationService,
    private readonly abandonment: AbandonService,
    private readonly queries: RotationQueries,
    @Inject(UNIT_OF_WORK) private readonly units: UnitOfWork<Tx>,
  ) {}

  @Serves(planRotation)
  async plan(
    @Input(planRotation) { params, body }: InputOf<typeof planRotation>,
  ): Promise<ResponseOf<typeof planRotation>> {
    return (await this.planning.plan(params, body.strategy)).view;
  }

  /**
   * The target is looked at before the transaction, which would have to wait for it otherwise. What that finds counts
   * only if the request was not answered before.
   */
  @Serves(startRotation)
  async start(
    @Input(startRotation) { params, body }: InputOf<typeof startRotation>,
    @CalledBy() { actor }: Caller,
    @IdempotencyKey() key: string,
  ): Promise<ResponseOf<typeof startRotation>> {
    const planned = await this.planning.plan(params, body.strategy).then(
      (found) => ({ found }),
      (error: unknown) => ({ error }),
    );
    return this.units.run((unit) =>
      answerOnce(unit, request(actor.id, key, startRotation.id, params, body), () => {
        if ('error' in planned) throw planned.error;
        return this.rotations.start(unit, {
          planned: planned.found,
          onConflict: body.onConflict,
          digest: body.plan,
          reason: body.reason ?? null,
          acceptsBreaking: body.acceptsBreaking,
          trigger: actor.kind === 'schedule' ? 'schedule' : 'manual',
          actor,
        });
      }),
    );
  }

  @Serves(rollBack)
  async rollBack(
    @Input(rollBack) { params, body }: InputOf<typeof rollBack>,
    @CalledBy() { actor }: Caller,
    @IdempotencyKey() key: string,
  ): Promise<ResponseOf<typeof rollBack>> {
    const { version, reason } = body;
    return this.units.run((unit) =>
      answerOnce(unit, request(actor.id, key, rollBack.id, params, body), () =>
        this.rotations.rollBack(unit, { place: params, version, reason, actor }),
      ),
    );
  }

  @Serves(resumeRotation)
  async resume(
    @Input(resumeRotation) { params, body }: InputOf<typeof resumeRotation>,
    @CalledBy() { actor }: Caller,
    @IdempotencyKey() key: string,
  ): Promise<ResponseOf<typeof resumeRotation>> {
    return this.units.run((unit) =>
      answerOnce(unit, request(actor.id, key, resumeRotation.id, params, body), () =>
        this.rotations.resume(unit, params.rotationId, body.reason, actor),
      ),
    );
  }

  @Serves(abandonRotation)
  async abandon(
    @Input(abandonRotation) { params, body }: InputOf<typeof abandonRotation>,
    @CalledBy() { actor }: Caller,
    @IdempotencyKey() key: string,
  ): Promise<ResponseOf<typeof abandonRotation>> {
    await this.units.run((unit) =>
      answerOnce(unit, request(actor.id, key, abandonRotation.id, params, body), async () => {
        await this.abandonment.abandon(unit, params.rotationId, body.reason, actor);
        return {};
      }),
    );
    return this.queries.find(params.rotationId);
  }

  @Serves(clearRotation)
  async clear(
    @Input(clearRotation) { params, body }: InputOf<typeof clearRotation>,
    @CalledBy() { actor }: Caller,
    @IdempotencyKey() key: string,
  ): Promise<ResponseOf<typeof clearRotation>> {
    return this.units.run((unit) =>
      answerOnce(unit, request(actor.id, key, clearRotation.id, params, body), () =>
        this.rotations.clear(unit, { place: params, ...body, actor }),
      ),
    );
  }

  @Serves(listRotations)
  async list(
    @Input(listRotations) { query }: InputOf<typeof listRotations>,
  ): Promise<ResponseOf<typeof listRotations>> {
    return this.queries.list(query);
  }

  @Serves(getRotation)
  async show(@Input(getRotation) { params }: InputOf<typeof getRotation>): Promise<ResponseOf<typeof getRotation>> {
    return this.queries.find(params.rotationId);
  }

  @Serves(getStatus)
  async status(@Input(getStatus) { query }: InputOf<typeof getStatus>): Promise<ResponseOf<typeof getStatus>> {
    return this.queries.status(query);
  }
}

const request = (principalId: string, key: string, ...asked: unknown[]) => ({
  principalId,
  key,
  fingerprint: createHash('sha256').update(JSON.stringify(asked)).digest('base64url'),
});
