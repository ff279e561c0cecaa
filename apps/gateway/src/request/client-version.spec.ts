import { describe, expect, it } from '@jest/globals';
import { assertRecentClient } from './client-version.js';

describe('the version of a client', () => {
  it.each(['cli/0.1.9', 'cli/0.1.0', 'cli/0.9.99', 'cli/1.1.9-rc.1'])('%s is too old for 1.2.0', (stated) =>
    expect(() => assertRecentClient(stated, '1.2.0')).toThrow(/too old/),
  );

  it.each(['cli/1.2.0', 'cli/1.10.0', 'cli/2.0.0', 'console/0.1.0', 'cli/next', '', undefined])(
    '%s is served by 1.2.0',
    (stated) => expect(() => assertRecentClient(stated, '1.2.0')).not.toThrow(),
  );
});
