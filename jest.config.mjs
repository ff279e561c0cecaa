/** One configuration for the whole workspace: sources are read as they are, through swc, as ES modules. */
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@dsops/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  testMatch: ['<rootDir>/{apps,libs,tools,e2e,bench}/**/*.spec.ts'],
  modulePathIgnorePatterns: ['/dist/'],
  // A proof of its own with a command of its own, `pnpm test:restore`.
  testPathIgnorePatterns: ['/node_modules/', ...(process.env.DSOPS_TEST_RESTORE ? [] : ['/e2e/restore/'])],
  globalSetup: '<rootDir>/libs/testing/jest-global-setup.mjs',
  globalTeardown: '<rootDir>/libs/testing/jest-global-teardown.mjs',
  // A net for hanging tests, wide enough for a machine that is busy with something else; no test measures time.
  testTimeout: 60_000,
  maxWorkers: 2,
};
