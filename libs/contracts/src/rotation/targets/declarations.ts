import { DomainError } from '@dsops/kernel';
import type { TargetDeclaration } from './define-target.js';
import * as kinds from './kinds.js';

type Kinds = (typeof kinds)[keyof typeof kinds];
export type TargetKind = Kinds['kind'];

/** All declarations, by kind. */
export const declarations: ReadonlyMap<TargetKind, TargetDeclaration> = byKind(Object.values(kinds));

function byKind(all: readonly Kinds[]): ReadonlyMap<TargetKind, TargetDeclaration> {
  const found = new Map<TargetKind, TargetDeclaration>();
  for (const declaration of all) {
    if (found.has(declaration.kind)) throw new TypeError(`Two targets are declared as ${declaration.kind}.`);
    found.set(declaration.kind, declaration);
  }
  return found;
}

/** @throws DomainError `type_unknown` */
export function declarationOf(kind: string): TargetDeclaration {
  const declaration = declarations.get(kind as TargetKind);
  if (declaration === undefined)
    throw new DomainError('type_unknown', 'invalid', `dsops knows no target of type ${kind}.`, {
      path: 'type',
      remedy: `Use one of: ${[...declarations.keys()].join(', ')}.`,
    });
  return declaration;
}
