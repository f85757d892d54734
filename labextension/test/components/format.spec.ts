import { describe, expect, it } from 'vitest';
import {
  formatAge,
  formatBytes,
  formatCount,
  formatDifference,
  formatDuration,
  formatElapsed,
  formatExact,
  formatScore,
  formatShare,
  formatTime,
  formatValue,
  judge
} from '../../src/components/format';

const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, ' ');

describe('formatValue', () => {
  it.each([
    [0.7, 3, '0.700'],
    [0.70213, 3, '0.702'],
    [0.70213, 2, '0.70'],
    [12.3456, 3, '12.35'],
    [456.78, 3, '456.8'],
    [12_345.6, 3, '12,346'],
    [16_285, 3, '16,285'],
    [-0.018, 3, '−0.018'],
    [1.2e-7, 3, '1.2e−7'],
    [0.001, 3, '0.001'],
    [2.5e12, 3, '2.5e12'],
    [0, 3, '0'],
    [NaN, 3, 'NaN'],
    [-Infinity, 3, '−∞']
  ])('writes %s with %s decimals as %s', (value, decimals, text) => {
    expect(formatValue(value, decimals)).toBe(text);
  });

  it('says a dash for what is unknown', () => {
    expect(formatValue(null)).toBe('–');
  });

  it('gives losses four decimals', () => {
    expect(formatScore(0.47512, 'val/loss')).toBe('0.4751');
    expect(formatScore(0.47512, 'auc')).toBe('0.475');
    expect(formatScore(0.47512, 'glossary')).toBe('0.475');
  });
});

describe('formatTime', () => {
  it('names the year where it is over', () => {
    const now = new Date('2026-02-01T00:00:00Z');
    expect(formatTime('2026-01-20T12:31:00Z', now)).toBe('20 Jan 12:31 UTC');
    expect(formatTime('2025-11-20T12:31:00Z', now)).toBe('20 Nov 2025 12:31 UTC');
  });
});

describe('formatDifference', () => {
  it.each([
    [-0.0184, '−.018'],
    [0.003, '+.003'],
    [-1.5, '−1.500'],
    [123.4, '+123.4'],
    [0.0001, '='],
    [0, '='],
    [null, '–'],
    [NaN, '–']
  ])('writes %s as %s', (value, text) => {
    expect(formatDifference(value)).toBe(text);
  });

  it('is judged by the direction of the metric', () => {
    expect(judge(-0.01, 'max')).toBe('worse');
    expect(judge(-0.01, 'min')).toBe('better');
    expect(judge(0, 'min')).toBeNull();
    expect(judge(null, 'min')).toBeNull();
  });
});

describe('times', () => {
  const now = new Date(2026, 10, 21, 12, 0, 0);
  const ago = (seconds: number): Date => new Date(now.getTime() - 1000 * seconds);

  it.each([
    [3, 'now'],
    [36, '36 s'],
    [14 * 60, '14 min'],
    [2 * 3_600, '2 h'],
    [30 * 3_600, 'yesterday'],
    [6 * 86_400, '6 d'],
    [17 * 86_400, '4 Nov'],
    [400 * 86_400, '17 Oct 2025']
  ])('says of %s seconds ago: %s', (seconds, text) => {
    expect(plain(formatAge(ago(seconds), now))).toBe(text);
  });

  it.each([
    [0.0044, '4.4 ms'],
    [0.2504, '250 ms'],
    [36.24, '36.2 s'],
    [64, '1:04'],
    [7_509, '2:05:09'],
    [273_600, '3 d 4 h']
  ])('says that %s seconds took %s', (seconds, text) => {
    expect(plain(formatDuration(seconds))).toBe(text);
  });

  it('counts elapsed time in whole seconds', () => {
    expect(formatElapsed(41.9)).toBe('0:41');
    expect(formatElapsed(-3)).toBe('0:00');
  });

  it('keeps the exact time for the tooltip', () => {
    expect(formatExact(new Date('2026-11-04T09:12:31.250Z'))).toBe('2026-11-04 09:12:31 UTC');
  });
});

describe('sizes', () => {
  it('writes counts, shares and bytes', () => {
    expect(formatCount(12_431)).toBe('12,431');
    expect(plain(formatShare(0.2812))).toBe('28.1 %');
    expect(plain(formatBytes(262_144))).toBe('262 kB');
    expect(plain(formatBytes(999_600))).toBe('1.0 MB');
    expect(plain(formatBytes(12))).toBe('12 B');
  });
});
