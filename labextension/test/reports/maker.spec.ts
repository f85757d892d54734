import { describe, expect, it } from 'vitest';
import { fileName, reportArgs } from '../../src/reports/maker';

describe('the file of a report', () => {
  it('is called as the report is, in letters that every system takes', () => {
    expect(fileName('Risk review: week 17')).toBe('risk-review-week-17.html');
    expect(fileName('../../<img>')).toBe('img.html');
    expect(fileName('Größe 日本')).toBe('größe-日本.html');
    expect(fileName('🛫')).toBe('report.html');
  });
});

describe('what a report is asked to show', () => {
  it('is one thing or several, each with its kind', () => {
    expect(reportArgs({ project: 'k', what: 'run:ab' })).toEqual({
      project: 'k',
      what: ['run:ab']
    });
    expect(reportArgs({ what: ['model:m@2', 'm', 3] })).toEqual({
      project: undefined,
      what: ['model:m@2']
    });
  });
});
