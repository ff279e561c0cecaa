import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { injectedTypes } from './tools/lint/injected-types.mjs';
import { oneMeaning } from './tools/lint/one-meaning.mjs';
import { oneWayForSql } from './tools/lint/one-way-for-sql.mjs';

/** Directions between packages and cycles are dependency-cruiser's (.dependency-cruiser.cjs), layout is Prettier's. */

const SPECS = [
  '**/*.spec.ts',
  '**/*.fixture.ts',
  '**/*{-,.}conformance.ts',
  '**/{test,histories}/**',
  'e2e/**',
  'bench/**',
  'libs/testing/**',
];
const NODE_GLOBALS = Object.fromEntries(
  [
    ...[
      'process',
      'console',
      'Buffer',
      'URL',
      'URLSearchParams',
      'fetch',
      'performance',
      'AbortSignal',
      'AbortController',
    ],
    ...['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'structuredClone', 'TextDecoder'],
    ...['TextEncoder', 'Response', 'Request', 'queueMicrotask'],
  ].map((name) => [name, 'readonly']),
);

const clockMessage =
  'A file without a role suffix is pure: take the instant, the duration or the value as an argument.';
const httpErrors = [
  'HttpException',
  'BadRequestException',
  'UnauthorizedException',
  'ForbiddenException',
  'NotFoundException',
  'ConflictException',
  'UnprocessableEntityException',
  'InternalServerErrorException',
  'ServiceUnavailableException',
];
const environmentImport = {
  name: 'node:process',
  importNames: ['env'],
  message: 'The environment is read in config.ts and main.ts only; pass what you need.',
};

export default defineConfig(
  globalIgnores(['**/dist/', '**/node_modules/', '**/coverage/', '.nx/', 'libs/database/*/client*/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // Protocols of targets have control characters in them.
      'no-control-regex': 'off',
      'no-console': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' }],
      'max-lines': ['error', { max: 400 }],
    },
  },
  { files: ['**/*.{mjs,cjs,js}'], languageOptions: { globals: NODE_GLOBALS } },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs' } },

  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: {
      dsops: { rules: { 'injected-types': injectedTypes, 'one-meaning': oneMeaning, 'one-way-for-sql': oneWayForSql } },
    },
    languageOptions: { parserOptions: { project: './tsconfig.spec.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      'dsops/injected-types': 'error',
      'dsops/one-meaning': 'error',
      'dsops/one-way-for-sql': 'error',
      // It leaves files with decorators alone, where an import that looks like a type only may be what Nest injects.
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allow: ['URL', 'URLSearchParams'] },
      ],
      // Nest and interfaces want methods that return promises, whether this one waits for something or not.
      '@typescript-eslint/require-await': 'off',
      // It takes every function in an interface written as a method for one that needs its object.
      '@typescript-eslint/unbound-method': 'off',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: environmentImport.message },
        {
          object: 'process',
          property: 'exit',
          message: 'Only main.ts ends the process; elsewhere nothing would be closed.',
        },
      ],
      'no-restricted-imports': ['error', { paths: [environmentImport] }],
    },
  },
  // The CLI has its streams, its arguments and its environment in one place, io.ts.
  {
    files: ['**/main.ts', '**/*.main.ts', '**/config.ts', 'apps/cli/src/io.ts', 'tools/**', ...SPECS],
    rules: { 'no-restricted-properties': 'off' },
  },

  {
    name: 'plain SQL: its one way stands on these methods',
    files: ['libs/database/**'],
    rules: { 'dsops/one-way-for-sql': 'off' },
  },

  {
    name: 'errors: one DomainError, which libs/platform turns into an answer',
    files: ['apps/**/*.ts', 'libs/**/*.ts', 'stack/**/*.ts'],
    ignores: ['libs/platform/**', ...SPECS],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            environmentImport,
            {
              name: '@nestjs/common',
              importNames: httpErrors,
              message: 'Throw a DomainError; its kind decides the status.',
            },
          ],
        },
      ],
    },
  },
  {
    name: 'purity: no clock and no chance in a file without a role suffix',
    files: ['apps/*/src/**/*.ts', 'libs/{kernel,contracts,messaging,scheduling}/src/**/*.ts'],
    // Edges as a whole: the CLI, what hosts the services, and the drivers, which talk to targets.
    ignores: ['**/*.*.ts', '**/{main,config}.ts', 'apps/{cli,standalone}/**', 'libs/kernel/src/clock.ts', ...SPECS],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'MemberExpression[object.name="Date"][property.name="now"]', message: clockMessage },
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: clockMessage },
        { selector: 'MemberExpression[object.name="Math"][property.name="random"]', message: clockMessage },
        { selector: 'MemberExpression[object.name="performance"][property.name="now"]', message: clockMessage },
      ],
    },
  },

  {
    files: SPECS,
    rules: {
      // What comes out of JSON and of matchers is `any`; a spec looks at it at once.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      'max-lines': ['error', { max: 600 }],
    },
  },
  { files: ['tools/**', 'e2e/**', 'bench/**', '**/*.{mjs,cjs}'], rules: { 'no-console': 'off' } },
);
