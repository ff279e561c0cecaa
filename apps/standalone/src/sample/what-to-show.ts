/** How the sample's service stands. */
export interface SampleState {
  readonly successes: number;
  readonly needsOperator: boolean;
  /** A rotation was brought to its end a moment ago. */
  readonly hasFinishedOne: boolean;
  /** Somebody asked for a rotation to look at, and not merely for a start. */
  readonly isDemo: boolean;
}

/**
 * `rotate`: at the first start, and each time that somebody asks for a demonstration. `tell`: what is there already, or
 * why there is nothing to see. `nothing`: what was to be seen was seen.
 */
export function whatToShow({
  successes,
  needsOperator,
  hasFinishedOne,
  isDemo,
}: SampleState): 'rotate' | 'tell' | 'nothing' {
  if (!needsOperator && (successes === 0 || (isDemo && !hasFinishedOne))) return 'rotate';
  return hasFinishedOne ? 'nothing' : 'tell';
}
