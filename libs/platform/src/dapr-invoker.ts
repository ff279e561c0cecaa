import type { ServiceName } from '@dsops/contracts/service-names';
import { isDomainError } from '@dsops/kernel';
import { refusesToken, Sidecar, sidecarFault, type SidecarAnswer, type SidecarOptions } from './dapr-sidecar.js';
import { answerOf, bodyOf, doesNotAnswer, headersOf, type Answer, type Invocation, type Invoker } from './invoker.js';
import type { Logger } from './logging.js';

const TIMEOUT_MS = 60_000;

export interface DaprInvokerOptions extends SidecarOptions {
  readonly logger: Logger;
}

/**
 * Invocation through Dapr: our sidecar finds a sidecar of the other service, both prove who they are, and the other one
 * decides whether we may call. The app id of a service is its name. A refusal is logged here, because daprd says it
 * only at the level `debug`, and on the other side.
 */
export class DaprInvoker implements Invoker {
  private readonly sidecar: Sidecar;
  private readonly logger: Logger;

  constructor({ logger, ...sidecar }: DaprInvokerOptions) {
    this.sidecar = new Sidecar(sidecar);
    this.logger = logger;
  }

  async invoke(service: ServiceName, invocation: Invocation): Promise<Answer> {
    try {
      const answer = await this.sidecar.ask({
        method: invocation.method,
        path: `/v1.0/invoke/${service}/method${pathForDaprd(invocation.path)}`,
        headers: headersOf(invocation),
        ...bodyOf(invocation),
        timeoutMs: invocation.timeoutMs ?? TIMEOUT_MS,
      });
      const fault = faultOf(answer);
      if (fault !== undefined) {
        // Without the query, which may say more than what was asked for.
        if (answer.status === 403)
          this.logger.warn(
            { appId: service, path: invocation.path.split('?')[0], status: 403 },
            'the access control of Dapr has refused a call',
          );
        throw doesNotAnswer(service, undefined, fault);
      }
      return answerOf(answer.status, answer.text);
    } catch (error) {
      if (!isDomainError(error)) throw doesNotAnswer(service, error);
      if (error.code === 'service_unavailable') throw error;
      const { message, details } = error;
      throw doesNotAnswer(service, error, { message, ...(details.remedy !== undefined && { remedy: details.remedy }) });
    }
  }
}

/**
 * daprd decodes the path and passes on what comes out, so that an encoded `?`, `#`, `%` or `/` would mean something else
 * to the other service, or nothing. Encoded once more, the path arrives as it was; the query is passed on as it is.
 */
function pathForDaprd(path: string): string {
  const [beforeQuery = '', ...query] = path.split('?');
  return [beforeQuery.replaceAll('%', '%25'), ...query].join('?');
}

/** The service said nothing itself: one of the sidecars answered in its place. */
function faultOf(answer: SidecarAnswer): { message: string; remedy: string } | undefined {
  const fault = sidecarFault(answer);
  if (refusesToken(answer))
    return {
      message: 'The Dapr sidecar refuses our token.',
      remedy: 'Give the service the DAPR_API_TOKEN of its sidecar.',
    };
  if (fault === undefined) return undefined;
  return answer.status === 403
    ? {
        message: `The access control of Dapr refuses the call (${fault}).`,
        remedy: 'Allow it in the table that dapr/ is generated from.',
      }
    : { message: `The call got no further than the Dapr sidecars (${fault}).`, remedy: 'Try again in a moment.' };
}
