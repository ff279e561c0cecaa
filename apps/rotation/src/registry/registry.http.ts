import { Controller, Inject } from '@nestjs/common';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import {
  addService,
  getService,
  listEnvironments,
  listServices,
  removeService,
  setAdministrator,
} from '@dsops/contracts/rotation/api';
import { Secret } from '@dsops/kernel';
import { answerOnce, IdempotencyKey, UNIT_OF_WORK, type UnitOfWork } from '@dsops/messaging';
import { CalledBy, Input, Serves, type Caller, type InputOf } from '@dsops/platform';
import { AdministratorService } from './administrator.service.js';
import { registrationOf } from './registration.js';
import { RegistryService } from './registry.service.js';
import { viewOf } from './service-view.js';
import type { RegisteredService } from './service.js';
import { Sealer } from '@dsops/sealing';
import type { Tx } from '../database/tx.js';

@Controller()
export class RegistryController {
  constructor(
    private readonly registry: RegistryService,
    private readonly administrators: AdministratorService,
    private readonly sealer: Sealer,
    @Inject(UNIT_OF_WORK) private readonly units: UnitOfWork<Tx>,
  ) {}

  @Serves(listServices)
  async list(@Input(listServices) { query }: InputOf<typeof listServices>): Promise<ResponseOf<typeof listServices>> {
    const { items, next } = await this.registry.list(query);
    return { items: items.map(({ service, versions }) => viewOf(service, versions)), next };
  }

  @Serves(listEnvironments)
  async environments(
    @Input(listEnvironments) { query }: InputOf<typeof listEnvironments>,
  ): Promise<ResponseOf<typeof listEnvironments>> {
    return this.registry.environments(query);
  }

  /**
   * The target is looked at before the transaction, which would have to wait for it otherwise. What that finds counts
   * only if the request was not answered before: its repetition finds the name taken, and gets its first answer.
   */
  @Serves(addService)
  async add(
    @Input(addService) { body }: InputOf<typeof addService>,
    @CalledBy() { actor }: Caller,
    @IdempotencyKey() key: string,
  ): Promise<ResponseOf<typeof addService>> {
    const registration = registrationOf(body);
    // The body holds passwords: a plain hash of it could be guessed from, this one only with the key.
    const fingerprint = this.sealer.fingerprint(JSON.stringify([addService.id, body]));
    const checked = await this.registry.check(registration).then(
      (service) => ({ service }),
      (error: unknown) => ({ error }),
    );
    return this.units.run((unit) =>
      answerOnce(unit, { principalId: actor.id, key, fingerprint }, async () => {
        if ('error' in checked) throw checked.error;
        const { service, versions } = await this.registry.add(unit, checked.service, registration, actor);
        return viewOf(service, versions);
      }),
    );
  }

  @Serves(getService)
  async show(@Input(getService) { params }: InputOf<typeof getService>): Promise<ResponseOf<typeof getService>> {
    const { service, versions } = await this.registry.find(params);
    return viewOf(service, versions);
  }

  @Serves(removeService)
  async remove(
    @Input(removeService) { params }: InputOf<typeof removeService>,
    @CalledBy() caller: Caller,
  ): Promise<ResponseOf<typeof removeService>> {
    await this.registry.remove(params, caller.actor);
    return { removed: true };
  }

  @Serves(setAdministrator)
  async administrator(
    @Input(setAdministrator) { params, body }: InputOf<typeof setAdministrator>,
    @CalledBy() { actor }: Caller,
  ): Promise<ResponseOf<typeof setAdministrator>> {
    const { username, services, others, findings } = await this.administrators.set(
      { place: params, username: body.username, password: new Secret(body.password), isForAll: body.forAll },
      actor,
    );
    const placeOf = ({ environment, name }: RegisteredService) => ({ environment, service: name });
    return {
      username,
      services: services.map(placeOf),
      others: others.map(placeOf),
      findings: [...findings],
    };
  }
}
