import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { SEALING_SERVICES, SERVICES } from '@dsops/contracts/service-names';
import { LOCAL_SECRET_PREFIX, SECRET_STORE, secretsOf } from '@dsops/contracts-generate';
import { MasterKey, newKeyBytes } from '@dsops/sealing';
import { readServiceConfig, serviceKeyConfig } from '@dsops/service';
import { unwrapSecret } from '@dsops/kernel';
import { FakeBroker, FakeDaprd } from '@dsops/testing';
import { optionsOf, ROOT, services, sidecarOf, source, textOf, volumes } from './compose-file.js';

/** compose.yaml cannot run in a test: what can be compared is compared. `pnpm check compose` holds it against the schema. */
describe('compose.yaml', () => {
  describe.each(SERVICES)('%s', (service) => {
    const own = services[service]!;
    const sidecar = sidecarOf(service);
    const isSealing = SEALING_SERVICES.includes(service);

    it('is built of its app and has a sidecar with its app id in its network', () => {
      expect(own.build).toMatchObject({ target: 'service', args: { APP: service } });
      expect(existsSync(join(ROOT, 'apps', service, 'src', 'main.ts'))).toBe(true);
      expect(sidecar.network_mode).toBe(`service:${service}`);
      expect(optionsOf(sidecar, 'app-id')).toEqual([service]);
      expect(sidecar.depends_on).toHaveProperty(service);
    });

    it('agrees with its sidecar about ports and tokens, and shares them with nobody', () => {
      const { DSOPS_PORT, DAPR_HTTP_PORT, DAPR_API_TOKEN, APP_API_TOKEN } = own.environment!;
      expect(optionsOf(sidecar, 'app-port')).toEqual([DSOPS_PORT]);
      expect(optionsOf(sidecar, 'dapr-http-port')).toEqual([DAPR_HTTP_PORT]);
      expect(sidecar.environment).toMatchObject({ DAPR_API_TOKEN, APP_API_TOKEN });
      const tokens = Object.values(services).filter(({ environment = {} }) =>
        Object.values(environment).includes(DAPR_API_TOKEN!),
      );
      expect(tokens).toEqual([own, sidecar]);
      expect(own.ports ?? []).toEqual(service === 'gateway' ? [expect.stringMatching(/^127\.0\.0\.1:\d+:8080$/)] : []);
    });

    it('gets all that it requires, and from its sidecar the password that setup gives its role', async () => {
      const prefix = LOCAL_SECRET_PREFIX;
      const given = Object.entries(sidecar.environment!).filter(([name]) => name.startsWith(prefix));
      const secrets = Object.fromEntries(
        given.map(([name, value]) => [name.slice(prefix.length), { [name.slice(prefix.length)]: value }]),
      );
      const daprd = await FakeDaprd.start({
        appId: service,
        broker: new FakeBroker(),
        apiToken: own.environment!.DAPR_API_TOKEN!,
        secretStores: { [SECRET_STORE]: { secrets, allowed: secretsOf(service) } },
      });
      try {
        const environment = {
          ...own.environment,
          DAPR_HTTP_PORT: new URL(daprd.url).port,
          // What setup writes into the volume.
          ...(isSealing && {
            DSOPS_SERVICE_KEY_FILE: '',
            DSOPS_SERVICE_KEY: unwrapSecret(new MasterKey(newKeyBytes()).serviceKey(service).write()),
          }),
        };
        const asked = isSealing ? serviceKeyConfig(service) : {};
        const { database } = await readServiceConfig(environment, asked, { timeoutMs: 0 });
        const variable = `DSOPS_DATABASE_PASSWORD_${service.toUpperCase()}`;
        expect(unwrapSecret(database.password)).toBe(services.setup!.environment![variable]);
        expect(services).toHaveProperty(database.host);
      } finally {
        await daprd.stop();
      }
    });

    it('gets the variables of its own', () => {
      const names = [...textOf(`apps/${service}/src/service.ts`).matchAll(/^ {6}(DSOPS_\w+): /gm)].map(
        ([, name]) => name!,
      );
      expect(Object.keys(own.environment!)).toEqual(expect.arrayContaining(names));
    });
  });

  it('has sidecars that find each other, and everything else that they are told of', () => {
    const { format } = (
      parse(textOf('dapr/compose/addresses.yaml')) as {
        spec: { nameResolution: { configuration: { format: string } } };
      }
    ).spec.nameResolution.configuration;
    for (const service of SERVICES)
      expect(`${service}:${optionsOf(sidecarOf(service), 'dapr-internal-grpc-port')[0]}`).toBe(
        format.replace('{appid}', service),
      );
    const brokers = /brokers\s+value: (\S+):/.exec(textOf('dapr/compose/pubsub.yaml'))?.[1];
    const zipkin = /http:\/\/(\w+):/.exec(textOf('dapr/compose/addresses.yaml'))?.[1];
    const sentry = optionsOf(sidecarOf('audit'), 'sentry-address')[0]?.split(':')[0];
    const scheduler = optionsOf(sidecarOf('audit'), 'scheduler-host-address')[0]?.split(':')[0];
    expect(services).toMatchObject({ [brokers!]: {}, [zipkin!]: {}, [sentry!]: {}, [scheduler!]: {} });
    expect(services[sentry!]!.command).toContain(
      `--port ${optionsOf(sidecarOf('audit'), 'sentry-address')[0]?.split(':')[1]}`,
    );
    expect(services[scheduler!]!.command).toContain(
      `--port ${optionsOf(sidecarOf('audit'), 'scheduler-host-address')[0]?.split(':')[1]}`,
    );
  });

  it('mounts only what is there, and gives sidecars their files', () => {
    for (const { volumes: mounts = [] } of Object.values(services))
      for (const from of mounts.map((mount) => mount.split(':')[0]!))
        if (from.startsWith('.')) expect(existsSync(join(ROOT, from))).toBe(true);
        else expect(volumes).toHaveProperty(from);
    for (const service of SERVICES) {
      const paths = [...optionsOf(sidecarOf(service), 'config'), ...optionsOf(sidecarOf(service), 'resources-path')];
      expect(paths).toContain(`/dapr/config/${service}.yaml`);
      for (const path of paths) expect(existsSync(join(ROOT, path))).toBe(true);
    }
  });

  it('lays its own over every component that names the brokers of one machine', () => {
    const mounts = sidecarOf('audit').volumes!;
    const named = readdirSync(join(ROOT, 'dapr/resources')).filter((name) =>
      textOf(`dapr/resources/${name}`).includes('127.0.0.1:9092'),
    );
    expect(named.length).toBeGreaterThan(1);
    for (const name of named) {
      expect(mounts).toContain(`./dapr/compose/${name}:/dapr/resources/${name}:ro`);
      expect(textOf(`dapr/compose/${name}`)).not.toContain('127.0.0.1');
    }
  });

  it('puts the key of each service that seals where the service looks for it, and shows keys to nobody else', () => {
    const who = (volume: string) =>
      Object.keys(services).filter((name) => services[name]!.volumes?.some((mount) => mount.startsWith(`${volume}:`)));
    expect(who('keys')).toEqual(['setup']);
    expect(services.setup!.environment).toMatchObject({
      DSOPS_KEY_FILE: '/keys/sealing.key',
      DSOPS_SERVICE_KEYS: '/service-keys',
    });
    for (const service of SEALING_SERVICES) {
      expect(who(`${service}-keys`)).toEqual([service, 'setup']);
      expect(services[service]!.volumes).toContain(`${service}-keys:/keys`);
      expect(services[service]!.environment!.DSOPS_SERVICE_KEY_FILE).toBe('/keys/service.key');
      expect(services.setup!.volumes).toContain(`${service}-keys:/service-keys/${service}`);
      expect(textOf('Dockerfile')).toMatch(new RegExp(`^RUN install .* /service-keys/${service}( |$)`, 'm'));
    }
    expect(who('sentry')).toEqual(['sentry', 'trust']);
  });

  it('runs the versions that pnpm stack runs', () => {
    const dockerfile = textOf('Dockerfile');
    const versionIn = (path: string, name: string) => new RegExp(`${name} = '([^']+)'`).exec(textOf(path))?.[1];
    const { dependencies } = JSON.parse(textOf('package.json')) as { dependencies: { node: string } };
    expect(dockerfile).toContain(`ARG NODE_VERSION=${dependencies.node}\n`);
    expect(dockerfile).toContain(`ARG DAPR_VERSION=${versionIn('stack/src/tools/dapr.ts', 'DAPR_VERSION')}\n`);
    expect(services.zipkin!.image).toBe(`openzipkin/zipkin:${versionIn('stack/src/tools/maven.ts', 'ZIPKIN_VERSION')}`);
  });
});

describe('the check of Compose files', () => {
  const check = (text: string): string => {
    const folder = mkdtempSync(join(tmpdir(), 'dsops-compose-'));
    try {
      writeFileSync(join(folder, 'compose.yaml'), text);
      execFileSync(process.execPath, [join(ROOT, 'tools', 'compose.mjs'), join(folder, 'compose.yaml')], {
        stdio: 'pipe',
      });
      return '';
    } catch (error) {
      return String((error as { stderr: Buffer }).stderr);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('lets compose.yaml pass, and refuses what Compose would not understand', () => {
    expect(check(source)).toBe('');
    expect(check(source.replace('network_mode:', 'network_mod:'))).toContain('network_mod');
    expect(check(source.replace('service_healthy', 'service_ready'))).toContain('depends_on');
  });
});
