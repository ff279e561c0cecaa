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
  testMatch: ['<rootDir>/{apps,libs,stack,tools,e2e,bench}/**/*.spec.ts'],
  modulePathIgnorePatterns: ['/dist/'],
  // Proofs with commands of their own, `pnpm test:restore`, `pnpm test:drivers` and `pnpm test:stack`.
  testPathIgnorePatterns: [
    '/node_modules/',
    ...(process.env.DSOPS_TEST_RESTORE ? [] : ['/e2e/restore/']),
    ...(process.env.DSOPS_TEST_DRIVERS ? [] : ['[.]world[.]spec[.]ts$']),
    ...(process.env.DSOPS_TEST_STACK ? [] : ['[.]stack[.]spec[.]ts$']),
  ],
  globalSetup: '<rootDir>/libs/testing/jest-global-setup.mjs',
  globalTeardown: '<rootDir>/libs/testing/jest-global-teardown.mjs',
  // A net for hanging tests, wide enough for a machine that is busy with something else; no test measures time.
  testTimeout: 60_000,
  maxWorkers: 2,
};
