import { describe, expect, it } from 'vitest';
import { labelsOf, valueText } from '../../../src/views/drift/values';

const seconds = (text: string) => Date.parse(text) / 1_000;
const texts = (kind: string, unit: string | null, low: number, high: number, width = 380) =>
  labelsOf({ kind, unit }, low, high, width).map(label => label.text);

describe('the labels of an axis', () => {
  it('say the unit where all of them have room for it', () => {
    expect(texts('number', '°F', 10, 60)).toEqual(['20 °F', '30 °F', '40 °F', '50 °F']);
    expect(texts('number', 'departures per hour', 10, 60)).toEqual(['20', '30', '40', '50']);
  });

  it('never touch each other, whatever the numbers and the width', () => {
    for (const [low, high] of [
      [0.0004, 0.0021],
      [-1e9, 3e9],
      [1_200_000, 1_200_400],
      [5, 5]
    ]) {
      for (const width of [60, 180, 640]) {
        const labels = labelsOf({ kind: 'number', unit: 'mbar' }, low, high, width);
        labels.slice(1).forEach(({ value, text }, i) => {
          const apart = ((value - labels[i].value) / (high - low)) * width;
          expect(apart).toBeGreaterThan((6.2 * (text.length + labels[i].text.length)) / 2);
        });
        expect(new Set(labels.map(label => label.text)).size).toBe(labels.length);
      }
    }
  });

  it('are dates where the values are times', () => {
    expect(texts('time', null, seconds('2013-01-01'), seconds('2013-12-31'), 500)).toEqual([
      'Jan 2013',
      'Apr 2013',
      'Jul 2013',
      'Oct 2013'
    ]);
    expect(texts('time', null, seconds('2013-04-01'), seconds('2013-04-02'))).toContain(
      '1 Apr 12:00'
    );
    expect(valueText({ kind: 'time', unit: null }, seconds('2013-04-03'))).toBe('3 Apr 2013');
    expect(texts('time', null, 1e30, 2e30).length).toBeLessThanOrEqual(6);
  });

  it('count the characters of texts', () => {
    expect(valueText({ kind: 'text', unit: null }, 12)).toBe('12 characters');
  });
});
