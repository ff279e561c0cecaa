const ENGINE = 'apps/rotation/src/engine';

/**
 * Known ways of breaking a rule of the engine, as patches: file, what stands there, what is planted; every occurrence is
 * replaced. The histories have to name a breach for each (e2e/planted/histories.mjs).
 */
export const PLANTED_BUGS: readonly {
  readonly name: string;
  readonly patches: readonly (readonly [file: string, before: string, after: string])[];
}[] = [
  {
    name: 'the target hears of the value before it is sealed',
    patches: [[`${ENGINE}/paths.ts`, `'generate',\n    'set',`, `'set',\n    'generate',`]],
  },
  {
    name: 'a lost answer is taken for a failure',
    patches: [
      [
        `${ENGINE}/fold.ts`,
        `    case 'lost':\n      return {};`,
        `    case 'lost':\n      return { session: null, ...answer(rotation, 'refused', null), newValue: 'absent' };`,
      ],
    ],
  },
  {
    name: 'a lost answer is taken for a success',
    patches: [
      [
        `${ENGINE}/fold.ts`,
        `    case 'lost':\n      return {};`,
        `    case 'lost':\n      return { session: null, ...answer(rotation, 'applied', null) };`,
      ],
    ],
  },
  {
    name: 'the abandoned session is not ended',
    patches: [
      [
        `${ENGINE}/attempt.ts`,
        `  if (abandonment.by === 'ending-session') return { do: 'end-session', identity: session.identity };`,
        `  if (abandonment.by === 'ending-session') return journal({ kind: 'attempt-over', because: 'bound-passed' });`,
      ],
    ],
  },
  {
    name: 'the bound of an abandoned attempt is not waited for',
    patches: [[`${ENGINE}/attempt.ts`, 'if (nowMs < overAtMs) return wait(overAtMs);', '']],
  },
  {
    name: 'labels move without compare-and-set',
    patches: [[`${ENGINE}/histories/model-store.ts`, 'if ((before?.id ?? null) !== from) return false;', '']],
  },
  {
    name: 'the fence is ignored',
    patches: [
      [`${ENGINE}/histories/model-store.ts`, 'if (fence !== null && rotation.fence !== fence) return false;', ''],
    ],
  },
  {
    name: 'retire goes by position instead of the recorded id',
    patches: [
      [
        `${ENGINE}/attempt.ts`,
        `: { do: 'retire', ...common, ends: version.id,`,
        `: { do: 'retire', ...common, slot: 'app_a', ends: version.id,`,
      ],
    ],
  },
  {
    name: 'the new value is promoted unproven',
    patches: [
      [
        `${ENGINE}/paths.ts`,
        `'probe-new',\n    'rollout',\n    'promote',`,
        `'rollout',\n    'promote',\n    'probe-new',`,
      ],
    ],
  },
  {
    name: 'grace and check-outs are not waited for',
    patches: [
      [`${ENGINE}/guard.ts`, 'if (!waived.grace) {', 'if (false) {'],
      [`${ENGINE}/guard.ts`, 'if (!waived.checkOuts) {', 'if (false) {'],
      [
        `${ENGINE}/release.ts`,
        'const untilMs = Math.max(graceEndsAtMs, heldUntilMs, askAtMs);',
        'const untilMs = askAtMs;',
      ],
    ],
  },
  {
    name: 'it is not waited for a word that nobody uses the value',
    patches: [[`${ENGINE}/release.ts`, `if (consumers.kind === 'managed' ||`, `if (consumers.kind !== 'managed' ||`]],
  },
  {
    name: 'on the way back nobody is waited for',
    patches: [
      [`${ENGINE}/guard.ts`, 'rollback: { grace: true, evidence: false, checkOuts: false },', 'rollback: ALL,'],
    ],
  },
  {
    name: 'probes made before a command still count after it',
    patches: [
      [`${ENGINE}/fold.ts`, 'filter(([key]) => !void_.has(key))', `filter(([key]) => key !== '' || void_.has(key))`],
    ],
  },
  {
    name: 'in place the old value is not tried before it is overwritten',
    patches: [
      [`${ENGINE}/steps.ts`, `if (seen === 'refused') return failed(currentRefused(plan.oldVersion.slot));`, ''],
    ],
  },
  {
    name: 'an answer within the propagation time counts',
    patches: [[`${ENGINE}/evidence.ts`, 'if (change && propagationMs > 0 &&', 'if (change && propagationMs < 0 &&']],
  },
  {
    name: 'a clock that was set counts as waiting',
    patches: [[`${ENGINE}/clock-watch.ts`, '? overMs + aheadMs : overMs', '? overMs : overMs']],
  },
  {
    name: 'the lock-out budget is not kept',
    patches: [[`${ENGINE}/evidence.ts`, 'if (tooMany) return', 'if (false && tooMany) return']],
  },
  {
    name: 'a rollback begins after the retire intent',
    patches: [
      [
        `${ENGINE}/way-back.ts`,
        `if (rotation.isRetireIntended || rotation.done.includes('probe-old-refused')) return 'retire-intended';`,
        '',
      ],
    ],
  },
];
