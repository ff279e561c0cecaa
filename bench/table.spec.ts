import { expect, it } from '@jest/globals';
import { renderTable } from './table.js';

it('sets words left and figures right, as wide as the widest', () => {
  const table = {
    title: 'Title',
    columns: ['', 'ms', 'per s'],
    rows: [
      ['bare', '9', '111'],
      ['dsops', '12.5', '80'],
    ],
  };
  const rule = '─'.repeat(20);
  expect(renderTable(table).split('\n')).toEqual([
    '',
    'Title',
    rule,
    '          ms   per s',
    rule,
    'bare       9     111',
    'dsops   12.5      80',
  ]);
});
