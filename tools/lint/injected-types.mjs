/** Classes that Nest makes, so that it looks at their constructors. */
const INJECTED_INTO = new Set(['Injectable', 'Controller', 'Module']);

/**
 * Nest finds out what to inject from the types of constructor parameters, and TypeScript writes those down only for
 * classes that are imported as values. `import type` compiles and fails at start, so it is refused here. A parameter
 * with a decorator such as `@Inject(TOKEN)` says itself what it wants.
 */
export const injectedTypes = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      typeOnly: "Nest cannot inject '{{name}}', because it is imported as a type only. Import the class itself.",
    },
  },
  create(context) {
    const typeOnly = new Set();
    const parameterOf = (node) => (node.type === 'TSParameterProperty' ? node.parameter : node);
    const annotationOf = (node) =>
      (node.type === 'AssignmentPattern' ? node.left : node).typeAnnotation?.typeAnnotation;
    const isDecorated = (node) => (node.decorators ?? []).length > 0;
    const isInjectedInto = (node) =>
      (node.decorators ?? []).some(({ expression }) => INJECTED_INTO.has(expression.callee?.name));

    return {
      ImportDeclaration(node) {
        for (const specifier of node.specifiers)
          if (node.importKind === 'type' || specifier.importKind === 'type') typeOnly.add(specifier.local.name);
      },
      'MethodDefinition[kind="constructor"]'(node) {
        if (!isInjectedInto(node.parent.parent)) return;
        for (const parameter of node.value.params) {
          const type = annotationOf(parameterOf(parameter));
          const isNamed = type?.type === 'TSTypeReference' && type.typeName.type === 'Identifier';
          if (isDecorated(parameter) || !isNamed || !typeOnly.has(type.typeName.name)) continue;
          context.report({ node: type, messageId: 'typeOnly', data: { name: type.typeName.name } });
        }
      },
    };
  },
};
