/**
 * Who may import whom. The layers, each free to use those below it:
 *
 *   stack                      runs the services as processes of their own, and shares the rest with the one below
 *   apps/standalone            hosts the services in one process
 *   apps/setup                 prepares database and key before they run as containers
 *   apps/<service>, apps/cli   know no other app
 *   platform messaging scheduling background database
 *   contracts
 *   kernel
 *
 * libs/testing stands beside them, for specs only. ESLint looks at what stands inside a file; this looks at the edges,
 * and .dependency-cruiser.folders.cjs at those between folders.
 */

const { builtinModules } = require('node:module');

/** What only tests load: specs, what they share (`*.fixture.ts`), histories, and suites that every implementation passes. */
const NOT_PRODUCTION =
  '[.](spec|fixture)[.]ts$|[-.]conformance[.]ts$|/(test|histories)/|^e2e/|^libs/testing/|^libs/drivers/src/[^/]+/(conformance|world|observer|verifier-book)[.]ts$|^tools/';
/** `rotation.ts` is pure; `rotation.service.ts`, `main.ts`, `config.ts` and an app's `service.ts` are edges. `database/tx.ts` names a type. */
const EDGE_FILE =
  '[.][^/]+[.]ts$|/(main|config|index|tx)[.]ts$|^apps/[^/]+/src/service[.]ts$|^apps/(cli|setup|standalone)/|/test/';

/** Modules that only Node has. */
const NODE_ONLY = `^(node:)?(${builtinModules.join('|')})$`;

const layer = (name, below) => ({
  name: `${name}-looks-down-only`,
  comment: `libs/${name} may use ${below.length === 0 ? 'no other package of ours' : below.map((lib) => `libs/${lib}`).join(', ')} and itself.`,
  severity: 'error',
  from: { path: `^libs/${name}/`, pathNot: NOT_PRODUCTION },
  to: { path: '^libs/', pathNot: `^libs/(${[name, ...below].join('|')})/` },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Files that import each other cannot be understood, tested or moved one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-app-in-an-app',
      comment: 'Services talk through events and the API. Only apps/standalone, apps/setup and stack know them.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/(standalone|setup)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'no-app-in-a-lib',
      comment: 'A lib serves every app, so it knows none.',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'no-stack-in-the-product',
      comment: 'stack/ runs the product on one machine; the product knows nothing of it.',
      severity: 'error',
      from: { path: '^(apps|libs)/' },
      to: { path: '^stack/' },
    },
    {
      name: 'servers-serve-anybody',
      comment:
        'The servers and tools of stack/ know libs/broker and libs/kernel only: proofs use them without our program.',
      severity: 'error',
      from: { path: '^stack/src/(servers|tools)/', pathNot: NOT_PRODUCTION },
      to: { path: '^(apps|libs|stack/src/program)/', pathNot: '^libs/(broker|kernel)/' },
    },
    layer('kernel', []),
    layer('contracts', ['kernel']),
    layer('contracts-generate', ['contracts', 'kernel']),
    layer('background', ['database', 'kernel']),
    layer('api-client', ['contracts', 'kernel']),
    layer('sealing', ['kernel']),
    layer('drivers', ['contracts', 'kernel']),
    layer('broker', ['platform', 'kernel']),
    layer('platform', ['contracts', 'kernel']),
    layer('database', ['contracts', 'kernel']),
    layer('key-change', ['sealing', 'database', 'contracts', 'kernel']),
    layer('scheduling', ['background', 'database', 'platform', 'contracts', 'kernel']),
    layer('service', [
      'background',
      'sealing',
      'messaging',
      'database',
      'platform',
      'scheduling',
      'contracts',
      'kernel',
    ]),
    layer('messaging', ['background', 'database', 'platform', 'scheduling', 'contracts', 'kernel']),
    {
      name: 'own-database-only',
      comment: "No service reads another's tables: an app imports @dsops/database/<its own name> and no other client.",
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^libs/database/[^/]+/client/', pathNot: '^libs/database/$1/client/' },
    },
    {
      name: 'no-client-in-a-lib',
      comment: 'The generated clients belong to the services.',
      severity: 'error',
      from: { path: '^libs/(?!database/)', pathNot: NOT_PRODUCTION },
      to: { path: '^libs/database/[^/]+/client/' },
    },
    {
      name: 'testing-in-specs-only',
      comment: 'What helps tests is not part of the product.',
      severity: 'error',
      from: { path: '^(apps|libs|stack)/', pathNot: NOT_PRODUCTION },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'through-the-front-door',
      comment: 'Another package is imported by its name, so that only what it exports is used.',
      severity: 'error',
      from: { path: '^((?:apps|libs)/[^/]+|stack|e2e|tools)/' },
      to: { path: '^(apps|libs|stack)/', pathNot: '^$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'kernel-is-pure',
      comment: 'libs/kernel, libs/contracts and libs/background know no framework, no network and no files.',
      severity: 'error',
      from: { path: '^libs/(kernel|contracts|background)/', pathNot: NOT_PRODUCTION },
      to: {
        path: '@nestjs/|/express/|/pg/|/rxjs/|/pino/|^(node:)?(fs|fs/promises|net|http|https|child_process|dns|tls|worker_threads)$',
      },
    },
    {
      name: 'client-runs-anywhere',
      comment: 'The API client runs in a browser too: nothing that it reaches asks for Node.',
      severity: 'error',
      from: { path: '^libs/api-client/', pathNot: NOT_PRODUCTION },
      to: { path: NODE_ONLY, reachable: true },
    },
    {
      name: 'pure-file',
      comment: 'A file without a role suffix (rotation.ts) decides; files with one (rotation.service.ts) act.',
      severity: 'error',
      from: { path: '^apps/[^/]+/src/', pathNot: EDGE_FILE },
      to: { path: '@nestjs/|/express/|^libs/database/' },
    },
    {
      name: 'engine-is-pure',
      comment:
        'The engine decides from what it is given. It knows contracts, the kernel and what a driver declares: no service, no package of others, nothing of Node.',
      severity: 'error',
      from: { path: '^apps/rotation/src/engine/', pathNot: NOT_PRODUCTION },
      to: { pathNot: '^apps/rotation/src/engine/|^libs/(contracts|kernel)/|^libs/drivers/src/driver[.]ts$' },
    },
    {
      name: 'no-undeclared-package',
      comment: 'It is not in the package.json of the package that imports it.',
      severity: 'error',
      from: { path: '^(apps|libs|stack)/', pathNot: NOT_PRODUCTION },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'Nothing stands at this path: a typing error, or a package that is not declared.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependency',
      comment: 'The product runs without devDependencies.',
      severity: 'error',
      from: { path: '^(apps|libs|stack)/', pathNot: NOT_PRODUCTION },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: '^libs/testing/' },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^libs/database/[^/]+/client/'] },
    exclude: { path: '/dist/' },
    // An import of a type is an edge too: it says who knows whom.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.spec.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@dsops/source', 'import', 'node', 'default'],
    },
  },
};
