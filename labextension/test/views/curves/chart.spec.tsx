import { act } from 'react';
import { createRoot } from 'react-dom/client';
import type { Root } from 'react-dom/client';
import { afterEach, beforeEach, describe as group, expect, it, vi } from 'vitest';
import { describe, moved } from '../../../src/views/curves/chart';
import { Curves } from '../../../src/views/curves/curves';
import view from '../../../src/views/curves';
import { linearRange, logRange, logTicks } from '../../../src/views/curves/plot';
import { charts } from '../../../src/views/curves/series';
import { NO_CURVES } from '../../../src/views/curves/state';
import type { ICurvesState, ISeries } from '../../../src/views/curves/state';
import { LocalModel } from '../../../src/views/model';
import { plain } from '../../../src/views/text';

const loss: ISeries = {
  key: 'loss',
  values: [0.9, 'NaN', 0.4],
  steps: [1, 2, 1200],
  times_ms: [1000, 2000, 65_000],
  n: 1_000_000,
  downsampled: true
};

let host: HTMLElement;
let root: Root | null;
beforeEach(() => {
  host = document.body.appendChild(document.createElement('div'));
  root = null;
});
afterEach(() => {
  act(() => root?.unmount());
  host.remove();
});
const draw = (element: React.ReactElement) => {
  root ??= createRoot(host);
  act(() => root?.render(element));
};
const base = { ...NO_CURVES, series: [loss] };

group('a chart', () => {
  it('names itself, its last value and what it does not show', () => {
    draw(<Curves {...base} />);
    const text = host.textContent ?? '';
    expect(text).toContain('loss');
    expect(text).toContain('0.4');
    expect(text).toContain('1,000,000 points, thinned · × 1 not finite');
  });

  it('says in words what it draws', () => {
    const [chart] = charts([loss]);
    expect(describe(chart, 'step', plain)).toBe(
      'loss: 1,000,000 points, from 0.9000 to 0.4000, lowest 0.4000 at 1,200, highest 0.9000 at 1'
    );
    expect(describe(chart, 'time', plain)).toContain('lowest 0.4000 at 1:04');
  });

  it('reads its points to the keyboard', () => {
    draw(<Curves {...base} />);
    const plot = host.querySelector<HTMLElement>('[role="img"]')!;
    act(() => plot.focus());
    const press = (key: string) =>
      act(() => void plot.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })));
    press('End');
    expect(host.querySelector('[aria-live]')?.textContent).toBe('1,200: loss 0.4000');
    press('Home');
    expect(host.querySelector('[aria-live]')?.textContent).toBe('1: loss 0.9000');
    press('ArrowRight');
    expect(host.querySelector('[aria-live]')?.textContent).toBe('2: loss –');
    act(() => plot.blur());
    expect(host.querySelector('[aria-live]')?.textContent).toBe('');
  });

  it.each([
    ['ArrowRight', false, null, 0],
    ['ArrowLeft', false, null, 99],
    ['ArrowRight', true, 95, 99],
    ['ArrowLeft', true, 5, 0],
    ['Home', false, 50, 0],
    ['Escape', false, 50, null],
    ['Escape', false, null, undefined],
    ['a', false, 50, undefined]
  ])('takes the cursor by %s', (key, shiftKey, cursor, target) => {
    expect(moved({ key, shiftKey }, cursor, 99)).toBe(target);
  });

  it('offers a logarithmic axis only where something is above zero', () => {
    const onLog = vi.fn();
    const flat = { ...loss, key: 'flat', values: [-1, 0, -2] };
    draw(<Curves {...base} series={[loss, flat]} onLog={onLog} />);
    const [first, second] = host.querySelectorAll<HTMLButtonElement>('button');
    expect(second.disabled).toBe(true);
    act(() => first.click());
    expect(onLog).toHaveBeenCalledWith(['loss']);
  });

  it('draws no curve of a single value', () => {
    draw(<Curves {...base} series={[{ ...loss, values: [1], steps: [0], times_ms: [0] }]} />);
    expect(host.querySelector('figure')).toBeNull();
  });
});

group('the view', () => {
  const shown = (state: Partial<ICurvesState>) => {
    const model = new LocalModel<ICurvesState>({ ...NO_CURVES, ...state });
    let remove = (): void => {};
    act(() => {
      remove = view.render({ model, el: host });
    });
    return { model, remove: () => act(() => remove()) };
  };

  it('keeps what the person chose in its model', () => {
    const { model, remove } = shown({
      series: [loss],
      run: { id: 'a', name: 'gbm', status: 'running' }
    });
    const elapsed = [...host.querySelectorAll('button')].find(b => b.textContent === 'Elapsed');
    act(() => elapsed?.click());
    expect(model.get('x')).toBe('time');
    expect(host.querySelector('header')?.textContent).toBe('gbmrunning');
    remove();
    expect(host.childElementCount).toBe(0);
  });

  it('follows new points', () => {
    const { model, remove } = shown({ live: true });
    expect(host.textContent).toBe('No metric has been logged yet.');
    act(() => model.set('series', [loss]));
    expect(host.querySelectorAll('figure')).toHaveLength(1);
    remove();
  });

  it('shows values where there is nothing to draw', () => {
    const { remove } = shown({ series: [{ ...loss, values: [0.7], steps: [0], times_ms: [0] }] });
    expect(host.querySelector('dl')?.textContent).toBe('loss0.7000');
    remove();
  });
});

group('axes', () => {
  it.each([
    [0.4, 0.6],
    [-3, 7],
    [5, 5],
    [0, 0]
  ])('leave air around %d to %d', (min, max) => {
    const [low, high] = linearRange(min, max);
    expect(low).toBeLessThan(min);
    expect(high).toBeGreaterThan(max);
  });

  it('exist without a value', () => {
    expect(linearRange(null, null)).toEqual([0, 1]);
    expect(logRange(null, null)).toEqual([0.1, 1]);
  });

  it.each([
    [0.42, 0.54],
    [0.1, 30],
    [1e-9, 1e6]
  ])('have two to twelve ticks from %d to %d on a logarithmic scale', (min, max) => {
    const ticks = logTicks(min, max);
    expect(ticks.length).toBeGreaterThanOrEqual(2);
    expect(ticks.length).toBeLessThanOrEqual(12);
    expect(ticks.every(tick => tick >= min && tick <= max)).toBe(true);
  });
});
