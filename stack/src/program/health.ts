import { z } from 'zod';

const overviewSchema = z.object({ status: z.string(), services: z.record(z.string(), z.string()) });

/** What the gateway says about every service, each of which it asks through the sidecars. */
export async function healthOf(gatewayUrl: string): Promise<{ readonly isOk: boolean; readonly text: string }> {
  try {
    const response = await fetch(`${gatewayUrl}/api/health`, { signal: AbortSignal.timeout(10_000) });
    const { services } = overviewSchema.parse(await response.json());
    const missing = Object.entries(services).filter(([, state]) => state !== 'up');
    return missing.length === 0
      ? { isOk: response.ok, text: 'every service answers through its sidecar' }
      : { isOk: false, text: missing.map(([name, state]) => `${name} is ${state}`).join(', ') };
  } catch {
    return { isOk: false, text: 'the gateway does not answer' };
  }
}
