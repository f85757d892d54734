import { describe, expect, it } from 'vitest';
import { chartOf } from '../../../src/views/chart/spec';

const POINT = { mark: 'point', encoding: {} };

function fitted(spec: object, width: number): Record<string, unknown> {
  return chartOf(JSON.stringify(spec), width).spec as unknown as Record<string, unknown>;
}

describe('chartOf', () => {
  it('gives a single chart the width of its pane, whatever its author had', () => {
    expect(fitted({ ...POINT, width: 620 }, 360)).toMatchObject({ width: 360 });
  });

  it('takes the title out of the picture, where it would be cut', () => {
    const title = { text: ['Late share', 'by score'], subtitle: 'ECE 0.058' };
    const chart = chartOf(JSON.stringify({ ...POINT, title }), 360);
    expect(chart.title).toEqual(['Late share', 'by score']);
    expect(chart.subtitle).toEqual(['ECE 0.058']);
    expect(chart.spec).not.toHaveProperty('title');
  });

  it('finds the title where Altair leaves it: on layers, on the first of a column', () => {
    const layer = [POINT, { ...POINT, title: 'ECE' }, { ...POINT, title: 'ECE' }];
    const chart = chartOf(JSON.stringify({ vconcat: [{ layer }, POINT] }), 360);
    expect(chart.title).toEqual(['ECE']);
    expect(JSON.stringify(chart.spec)).not.toContain('ECE');
  });

  it('gives a chart among others a title no wider than its place', () => {
    const title = 'Found against warned in vain (ROC), both in percent of all flights';
    const { hconcat } = fitted({ hconcat: [{ ...POINT, title }, POINT] }, 600);
    const text = ['Found against warned in vain (ROC), both', 'in percent of all flights'];
    expect(hconcat).toMatchObject([{ title: { text } }, { width: 236 }]);
  });

  it('puts charts below each other where they have no room beside each other', () => {
    const wide = fitted({ hconcat: [POINT, POINT] }, 900);
    expect(wide.hconcat).toHaveLength(2);
    const narrow = fitted({ hconcat: [POINT, POINT] }, 360);
    expect(narrow.vconcat).toMatchObject([{ width: 296 }, { width: 296 }]);
    expect(narrow).not.toHaveProperty('hconcat');
  });

  it('leaves a width per category as its author wrote it', () => {
    expect(fitted({ ...POINT, width: { step: 20 } }, 360).width).toEqual({ step: 20 });
  });

  it('drops what would change how it is embedded', () => {
    const spec = { ...POINT, usermeta: { embedOptions: { actions: true } } };
    expect(fitted(spec, 360)).not.toHaveProperty('usermeta');
  });

  it('refuses what is no chart', () => {
    expect(() => chartOf('[1]', 360)).toThrow('no chart');
  });
});
