import { PLANNED_STRATEGIES, strategySchema, type Strategy } from '@dsops/contracts/rotation/strategies';
import { usageError } from '../failure.js';

/** Other spellings of the strategies, from older configurations. */
const ALIASES: Readonly<Record<string, string>> = {
  two_key: 'two-key',
  'two-secret': 'two-key',
  two_secret: 'two-key',
};

export function readStrategy(text: string): Strategy {
  const name = text.toLowerCase();
  const parsed = strategySchema.safeParse(ALIASES[name] ?? name);
  if (parsed.success) return parsed.data;
  const choices = strategySchema.options.join(' or ');
  throw usageError(
    PLANNED_STRATEGIES.includes(name)
      ? `The strategy ${name} cannot be used yet.`
      : '--strategy does not name a strategy.',
    `Use ${choices}.`,
  );
}
