/**
 * Words of the glossary which many files would like to call a type of theirs: each belongs to the one file that exports a
 * type, class or interface of exactly this name. What is something else has the name of that, such as `RequestOutcome`.
 */
export const OWNERS = {
  Cursor: 'libs/messaging/src/inbox/inbox.repository.ts',
  Effect: 'apps/rotation/src/engine/journal.ts',
  Entry: 'apps/rotation/src/engine/journal.ts',
  Evidence: 'apps/rotation/src/engine/rotation.ts',
  Facts: null,
  Failure: 'apps/rotation/src/engine/journal.ts',
  Finding: 'libs/contracts/src/rotation/views.ts',
  Installation: 'apps/rotation/src/installation/installation.ts',
  Lease: 'apps/rotation/src/run/rotation.repository.ts',
  Outcome: 'apps/rotation/src/engine/journal.ts',
  Place: 'libs/contracts/src/rotation/place.ts',
  RetryPolicy: 'libs/contracts/src/retry-policy.ts',
};

/** A word means one thing, so one file exports it. */
export const oneMeaning = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      taken: "'{{word}}' is what {{owner}} exports (docs/glossary.md). Name this one after what it is.",
      unowned: "'{{word}}' alone says too little (docs/glossary.md). Say whose, such as 'Driver{{word}}'.",
    },
  },
  create(context) {
    const path = context.filename.replaceAll('\\', '/');
    const look = ({ declaration }) => {
      const word = declaration?.id?.name;
      if (word === undefined || !Object.hasOwn(OWNERS, word)) return;
      const owner = OWNERS[word];
      if (owner !== null && path.endsWith(`/${owner}`)) return;
      const messageId = owner === null ? 'unowned' : 'taken';
      context.report({ node: declaration.id, messageId, data: { word, owner: owner ?? '' } });
    };
    return { ExportNamedDeclaration: look, ExportDefaultDeclaration: look };
  },
};
