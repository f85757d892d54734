import { act } from 'react';
import { describe, expect, it } from 'vitest';
import { savedView, Stage } from '../../src/tracking/saved-views';
import { sample } from '../wire';

describe('a view that a saved notebook holds', () => {
  const evaluation = sample('evaluation') as { columns: object[] };
  const state = {
    evaluation: {
      ...evaluation,
      columns: evaluation.columns.map(column => ({ ...column, counts: null }))
    },
    alerts: null,
    monitor: { name: 'delay', model: null, schedule: null, next_at: null, running: null },
    yaml: null,
    loaded: true,
    updated_ms: 1,
    selection: { column: 'temp', from: 1, until: 2, alert: null, measure: 'psi', part: 'table' }
  };

  it('is drawn again, be it of drift', async () => {
    const read = savedView({ view: 'drift', version: 1, state });
    const node = document.createElement('div');
    const draw = await read!();
    const remove = await act(async () => draw(node));
    expect(node.textContent).toContain('delay');
    expect(node.querySelector('[role="tab"][aria-selected="true"]')?.textContent).toBe('Table');
    act(remove);
    expect(node.childElementCount).toBe(0);
  });

  it('is left alone when it is of another version', () => {
    expect(savedView({ view: 'drift', version: 2, state })).toBeNull();
    expect(savedView({ view: 'drift', version: 1, state: { evaluation: 1 } })).toBeNull();
  });
});

describe('the node of a view', () => {
  it('has one at a time, whichever program comes first', async () => {
    const node = document.createElement('div');
    const stage = new Stage(node);
    const told: string[] = [];
    const drawing = (name: string) => (place: HTMLElement) => {
      place.append(name);
      return () => told.push(`without ${name}`);
    };
    let late = (_draw: ReturnType<typeof drawing>): void => undefined;
    const first = stage.show(() => new Promise(resolve => (late = resolve)));
    await stage.show(() => Promise.resolve(drawing('second')));
    late(drawing('first'));
    await first;
    expect(node.textContent).toBe('second');
    stage.clear();
    expect(told).toEqual(['without second']);
    // What comes when nobody looks any more is not drawn.
    const third = stage.show(() => new Promise(resolve => (late = resolve)));
    stage.clear();
    late(drawing('third'));
    await third;
    expect(node.textContent).toBe('second');
  });
});
