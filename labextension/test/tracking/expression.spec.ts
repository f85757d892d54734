import { describe, expect, it } from 'vitest';
import { toWhere, tokenize } from '../../src/tracking/expression';

describe('tokenize', () => {
  it.each([
    "best(auc) > 0.7 and params.model = 'gbm'",
    'best(val/loss) <= 1e-3 or not `odd name` is null',
    "unfinished 'text",
    'started > now - 7d ',
    'Größe 日本語 🛫 = "x"'
  ])('loses nothing of %s', text => {
    expect(
      tokenize(text)
        .map(token => token.text)
        .join('')
    ).toBe(text);
  });

  it('tells the kinds apart', () => {
    const kinds = tokenize("best(auc) > 0.7 and x = 'a''b'")
      .filter(token => token.kind !== 'space')
      .map(token => `${token.text}:${token.kind}`);
    expect(kinds).toEqual([
      'best:name',
      '(:operator',
      'auc:name',
      '):operator',
      '>:operator',
      '0.7:number',
      'and:keyword',
      'x:name',
      '=:operator',
      "'a''b':text"
    ]);
  });
});

describe('toWhere', () => {
  it.each([
    ['', ''],
    ['  ', ''],
    ['best(auc) > 0.7', 'best(auc) > 0.7'],
    ["name = 'x'", "name = 'x'"],
    ['gbm', "name like '%gbm%'"],
    ['gbm-6', "name like '%gbm-6%'"],
    ['my run 3', "name like '%my run 3%'"],
    ['params.lr', null],
    ['metrics.', null]
  ])('reads %s as %s', (text, where) => {
    expect(toWhere(text)).toBe(where);
  });
});
