const PRISMAS = new Set(['$queryRaw', '$queryRawUnsafe', '$executeRaw', '$executeRawUnsafe']);

/**
 * Plain SQL has one way, `query` and `execute` of libs/database: values stay apart from the text, statements are prepared,
 * and Prisma's engine, which costs more than most of them, is passed by. Prisma's own methods are used there alone.
 */
export const oneWayForSql = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { prismas: "Write 'query(tx, sql`…`)' or 'execute(tx, sql`…`)' of @dsops/database instead of {{name}}." },
  },
  create: (context) => ({
    MemberExpression({ property, computed }) {
      const name = computed ? property.value : property.name;
      if (PRISMAS.has(name)) context.report({ node: property, messageId: 'prismas', data: { name } });
    },
  }),
};
