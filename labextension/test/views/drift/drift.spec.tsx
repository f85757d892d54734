import { act } from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Evaluation } from '../../../src/api/monitoring';
import { decode } from '../../../src/api/request';
import view from '../../../src/views/drift';
import { NO_DRIFT, NO_SELECTION } from '../../../src/views/drift/state';
import type {
  IAlertRow,
  IDriftState,
  IEvaluation,
  IRequest,
  ISelection
} from '../../../src/views/drift/state';
import { LocalModel } from '../../../src/views/model';
import { sample } from '../../wire';

// Whole pages are rendered here, on machines that do other things too.
vi.setConfig({ testTimeout: 30_000 });

const evaluation: IEvaluation = decode(Evaluation, sample('evaluation'));
const [first] = evaluation.alerts;
const row: IAlertRow = {
  id: 'ab'.repeat(16),
  monitor: 'delay',
  key: first.key,
  kind: first.kind,
  severity: 'alert',
  columns: first.columns,
  chunk: first.first,
  label: '27 May to 2 June',
  sentence: first.sentence,
  impact: null,
  status: 'open',
  opened_at: '2013-06-04T06:00:00Z',
  updated_at: '2013-06-04T06:00:00Z',
  muted_until: null,
  by: null,
  comment: null,
  run_id: 'c'.repeat(32)
};
const FULL: IDriftState = {
  ...NO_DRIFT,
  evaluation,
  alerts: [row],
  monitor: {
    name: 'delay',
    model: 'flight-delay@champion',
    schedule: '0 6 * * mon',
    next_at: '2013-06-10T06:00:00Z',
    running: null
  },
  me: { id: 'mara', role: 'contributor', may: ['alerts:edit', 'monitors:check'] },
  updated_ms: Date.parse('2013-06-05T10:00:00Z'),
  opens: ['run', 'model', 'monitor'],
  reports: true,
  loaded: true
};

let host: HTMLElement;
let remove: (() => void) | undefined;
beforeEach(() => {
  host = document.body.appendChild(document.createElement('div'));
});
afterEach(() => {
  act(() => remove?.());
  remove = undefined;
  host.remove();
  vi.useRealTimers();
});

/** Goes on when it is so. What happens meanwhile is drawn turn by turn: `act` draws at its end. */
async function until(check: () => void) {
  const patience = Date.now() + 10_000;
  for (;;) {
    await act(() => new Promise(resolve => setTimeout(resolve, 2)));
    try {
      return check();
    } catch (error) {
      if (Date.now() > patience) {
        throw error;
      }
    }
  }
}

/** Shows it until its counts are unpacked; the host answers unless it is told not to. */
async function show(state: Partial<IDriftState> = {}, answers = true) {
  const model = new LocalModel<IDriftState>({ ...FULL, ...state });
  const asked: IRequest[] = [];
  let [refusal, result]: [string | null, unknown] = [null, undefined];
  model.on('change:request', () => {
    const request = model.get('request')!;
    if (request.verb !== 'hello') {
      asked.push(request);
    }
    if (answers) {
      const ok = refusal === null || request.verb === 'hello';
      const answer = { id: request.id, ok, sentence: ok ? 'It is done.' : refusal! };
      model.set('answer', request.verb === 'window' ? { ...answer, result } : answer);
    }
  });
  act(() => {
    remove = view.render({ model, el: host });
  });
  if (model.get('evaluation') !== null && evaluation.chunks.length > 0) {
    await until(() => {
      expect(
        host.querySelector('.jp-MlopsLab-drift-totals, .jp-MlopsLab-drift-alone')
      ).not.toBeNull();
    });
  }
  return {
    model,
    asked,
    selection: (): ISelection => model.get('selection'),
    refuse: (why: string) => {
      refusal = why;
    },
    give: (found: unknown) => {
      result = found;
    }
  };
}

const button = (text: string | RegExp) =>
  [...host.querySelectorAll<HTMLButtonElement>('button')].find(one =>
    typeof text === 'string'
      ? one.textContent === text || one.getAttribute('aria-label') === text
      : text.test(one.textContent ?? '')
  );
const click = (text: string | RegExp) => act(async () => button(text)!.click());
const press = (target: Element, key: string, shiftKey = false) =>
  act(async () => {
    const init = { key, shiftKey, bubbles: true, cancelable: true };
    target.dispatchEvent(new KeyboardEvent('keydown', init));
  });
const grid = () => host.querySelector('[role="grid"]')!;
const totals = () => host.querySelector('.jp-MlopsLab-drift-totals')!.textContent!;
const select = (selection: Partial<ISelection>) => ({
  selection: { ...NO_SELECTION, ...selection }
});

describe('the drift view', () => {
  it('begins with the sentence, and with what is open', async () => {
    await show();
    expect(host.querySelector('h1')?.textContent).toBe('delay');
    expect(host.textContent).toContain(evaluation.summary.sentence);
    const incidents = host.querySelectorAll('.jp-MlopsLab-drift-incidents tr');
    expect(incidents.length).toBe(Math.min(8, evaluation.alerts.length));
    expect(incidents[0].getAttribute('aria-selected')).toBe('true');
    const explained = host.querySelector('[aria-label="Explain this alert"]')!;
    expect(explained.textContent).toContain(first.sections[0].lines[0]);
    expect(explained.querySelectorAll('h3').length).toBe(2);
    await click(new RegExp(`^Show ${first.sections[2].title.toLowerCase()}`));
    expect(explained.querySelectorAll('h3').length).toBe(first.sections.length);
    const labels = evaluation.chunks.map(chunk => chunk.label);
    expect(labels.some(label => totals().includes(label.split(' to ')[0]))).toBe(true);
  });

  it('draws realised, estimated and immature apart, and reads them to the keyboard', async () => {
    await show();
    const plots = host.querySelector('.jp-MlopsLab-drift-plots')!;
    expect(plots.getAttribute('aria-label')).toContain('Performance over 10 chunks');
    expect(plots.querySelectorAll('svg').length).toBe(2);
    expect(host.textContent).toContain('assumes no concept change');
    await press(plots, 'End');
    const spoken = plots.querySelector('[aria-live]')!.textContent!;
    expect(spoken).toContain('3 to 9 June');
    expect(spoken).toContain('labels are not complete');
    await click('Log loss');
    expect(plots.querySelectorAll('svg').length).toBe(3);
  });

  it('is walked by keys, and says each cell in words', async () => {
    const { selection } = await show();
    await act(async () => grid().dispatchEvent(new FocusEvent('focusin', { bubbles: true })));
    await press(grid(), 'Home');
    const cell = () => document.getElementById(grid().getAttribute('aria-activedescendant')!)!;
    expect(cell().getAttribute('aria-label')).toContain('1 to 7 April');
    await press(grid(), 'ArrowRight');
    await press(grid(), 'ArrowDown');
    expect(cell().getAttribute('aria-label')).toMatch(/8 to 14 April: (D|TVD) .*natural/);
    await press(grid(), 'Enter');
    expect(selection()).toMatchObject({ from: 1, until: 1 });
    expect(selection().column).not.toBeNull();
    for (let i = 0; i < 9; i += 1) {
      await press(grid(), 'ArrowDown');
    }
    expect(cell().getAttribute('aria-label')).toContain('data quality, 8 to 14 April: no finding');
  });

  it('brushes by keys and computes at once what lies in the range', async () => {
    const { selection } = await show(select({ from: 0, until: 0, alert: '' }), false);
    expect(totals()).toContain('1 to 7 April');
    await press(grid(), 'ArrowRight', true);
    expect(selection()).toMatchObject({ from: 0, until: 1 });
    const rows = evaluation.chunks[0].rows + evaluation.chunks[1].rows;
    expect(totals()).toContain(rows.toLocaleString('en-GB'));
    expect(totals()).toMatch(/realised, .* predicted/);
    expect(host.querySelector('.jp-MlopsLab-drift-ranked')!.textContent).toContain('≥');
    await press(grid(), ']');
    expect(selection()).toMatchObject({ from: 1, until: 2 });
    await press(grid(), 'Escape');
    expect(selection()).toMatchObject({ from: null, until: null });
    expect(totals()).toContain('all 10 chunks');
  });

  it('shows the certified value once its host gives it', async () => {
    const { give, asked } = await show(select({ from: 0, until: 0, alert: '' }));
    const columns = evaluation.columns.map(({ name }) => ({
      name,
      effect: 0.4321,
      effect_low: 0.43,
      effect_high: 0.434,
      wasserstein: null,
      psi: null,
      p_value: null,
      missing: null,
      median: null,
      counts: []
    }));
    give({ from: 'a', until: 'b', segment: null, columns, performance: null, scanned: false });
    await press(grid(), 'ArrowRight', true);
    await until(() => {
      expect(host.querySelector('.jp-MlopsLab-drift-ranked')!.textContent).toContain('0.43 ✓');
    });
    expect(asked).toMatchObject([{ verb: 'window', from: '2013-04-01', until: '2013-04-08' }]);
  });

  it('does not trust an answer of another shape', async () => {
    const { give, asked } = await show(select({ from: 0, until: 1, alert: '' }));
    give({ columns: [{ name: 7, counts: null }] });
    await until(() => expect(asked.length).toBe(1));
    expect(host.querySelector('.jp-MlopsLab-drift-ranked')!.textContent).not.toContain('✓');
  });

  it('lets a person acknowledge, and says why not', async () => {
    const { asked, refuse } = await show();
    await click('Acknowledge…');
    await click('Acknowledge');
    expect(document.activeElement!.getAttribute('aria-label')).toBe('Decide');
    expect(host.querySelector('.jp-MlopsLab-said')!.textContent).toBe('It is done.');
    await click('Acknowledge…');
    const box = host.querySelector('textarea')!;
    await act(async () => {
      const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')!.set!;
      set.call(box, 'a known storm');
      box.dispatchEvent(new Event('input', { bubbles: true }));
    });
    refuse('It is resolved.');
    await click('Acknowledge');
    expect(asked.pop()).toMatchObject({
      verb: 'acknowledge',
      alert: row.id,
      comment: 'a known storm'
    });
    expect(host.querySelector('[role="alert"]')!.textContent).toBe('It is resolved.');
    await press(box, 'Escape');
    expect(host.querySelector('textarea')).toBeNull();
    expect(document.activeElement).toBe(button('Acknowledge…'));
    // What was refused does not look done.
    await click('Check now');
    const refused = host.querySelector('.jp-MlopsLab-said > .jp-mod-refused');
    expect(refused!.textContent).toBe('It is resolved.');
  });

  it('offers nothing that needs a host where there is none', async () => {
    await show({ me: null, yaml: 'name: delay' }, false);
    for (const text of ['Check now', 'Edit monitor', 'Acknowledge…', 'Report…', /^Open/]) {
      expect(button(text)).toBeUndefined();
    }
    expect(host.textContent).toContain('as of 5 Jun');
    expect(button('Copy monitor YAML')).toBeDefined();
  });

  it('opens, checks and reports through its host', async () => {
    const { asked } = await show();
    await click('Check now');
    await click('Report…');
    await click('Edit monitor');
    await click('flight-delay@champion');
    await click('Open the check');
    expect(asked.filter(one => one.verb !== 'window')).toMatchObject([
      { verb: 'check' },
      { verb: 'report' },
      { verb: 'open', node: 'monitor:delay' },
      { verb: 'open', node: 'model:flight-delay@champion' },
      { verb: 'open', node: `run:${row.run_id}` }
    ]);
    expect(host.querySelector('[role="status"]')).not.toBeNull();
  });

  it.each(['segments', 'fairness', 'calibration', 'table'] as const)(
    'has the part %s',
    async part => {
      await show(select({ part, from: 2, until: 2, alert: '' }));
      expect(host.querySelector('[role="tabpanel"] table')).not.toBeNull();
    }
  );

  it('has all that is drawn as a table', async () => {
    await show(select({ part: 'table', alert: '', column: 'temp' }));
    const rows = [...host.querySelectorAll('[role="tabpanel"] tbody tr')];
    expect(rows.length).toBe(10);
    const [temp] = evaluation.columns;
    expect(rows[temp.states.indexOf('a')].textContent).toContain('alert');
  });

  it('links the incidents with the pictures', async () => {
    const { selection } = await show();
    const drift = evaluation.alerts.findIndex(one => one.kind === 'drift');
    const line = host.querySelectorAll<HTMLElement>('.jp-MlopsLab-drift-incidents tr')[drift];
    await act(async () => line.click());
    const { first: from, last: until } = evaluation.alerts[drift];
    const keys = evaluation.chunks.map(chunk => chunk.key);
    expect(selection()).toMatchObject({
      column: 'temp',
      from: keys.indexOf(from),
      until: keys.indexOf(until)
    });
    expect(host.querySelector('[aria-label="Distribution of temp"]')).not.toBeNull();
    await act(async () => host.querySelector<HTMLElement>('.jp-MlopsLab-drift-flag')!.click());
    expect(selection().alert).not.toBeNull();
  });

  it('measures otherwise on demand', async () => {
    const { selection } = await show();
    await click('PSI');
    expect(selection().measure).toBe('psi');
    expect(host.querySelector('.jp-MlopsLab-drift-ranked thead')!.textContent).toContain('PSI');
  });

  it('lists the keys', async () => {
    await show();
    await press(grid(), '?');
    expect(host.querySelector('[role="dialog"]')!.textContent).toContain('widen the range');
    await press(host.querySelector('[role="dialog"]')!, 'Escape');
    expect(host.querySelector('[role="dialog"]')).toBeNull();
  });
});

describe('without an evaluation', () => {
  it('waits, then says how it begins', async () => {
    vi.useFakeTimers();
    const { model } = await show({ evaluation: null, monitor: null, loaded: false, inserts: true });
    act(() => void vi.advanceTimersByTime(200));
    expect(host.querySelector('[aria-busy]')).not.toBeNull();
    act(() => model.set('loaded', true));
    expect(host.textContent).toContain('No evaluation yet');
    expect(button('Insert into notebook')).toBeDefined();
  });

  it('offers the first check of a monitor', async () => {
    const { asked } = await show({ evaluation: null });
    expect(host.textContent).toContain('delay was never checked');
    await click('Check now');
    expect(asked).toMatchObject([{ verb: 'check' }]);
  });

  it('says what went wrong, and asks again', async () => {
    const { asked, model } = await show({ evaluation: null, error: 'The index is damaged.' });
    expect(host.querySelector('[role="alert"]')!.textContent).toContain('The index is damaged.');
    await click('Retry');
    expect(asked).toMatchObject([{ verb: 'refresh' }]);
    await act(async () => model.set('evaluation', evaluation));
    expect(host.querySelector('.jp-MlopsLab-stalebar')).not.toBeNull();
    expect(host.querySelector('h1')).not.toBeNull();
  });
});

describe('an odd evaluation', () => {
  it('of numbers says nothing of shares, log loss or calibration', async () => {
    const performance = { ...evaluation.performance!, kind: 'regression' as const };
    await show({ evaluation: { ...evaluation, performance } });
    expect(totals()).not.toMatch(/realised|log loss|AUC/);
    expect(button('Calibration')).toBeUndefined();
    expect(button('Segments')).toBeDefined();
  });

  const odd = async (change: Partial<IEvaluation>, state: Partial<IDriftState> = {}) =>
    show({ evaluation: { ...evaluation, ...change }, alerts: null, ...state });

  it('without chunks says so', async () => {
    await odd({ chunks: [], columns: [], performance: null, alerts: [], quality: [], events: [] });
    expect(host.textContent).toContain('No chunk to look at');
  });

  it('without columns or performance shows the rest', async () => {
    await odd({ columns: [], performance: null, alerts: [] });
    expect(host.textContent).toContain('There is no feature that both sides have');
    expect(host.textContent).toContain('it takes target: and score: in the file');
    expect(host.textContent).toContain('Nothing left its natural range');
  });

  it('with many notes shows the first and, on request, all of them', async () => {
    await odd({ notes: Array.from({ length: 30 }, (_, i) => `note ${i}.`), quality: [] });
    expect(host.textContent).not.toContain('note 29.');
    await click('Show 24 more');
    expect(host.textContent).toContain('note 29.');
  });

  it('with nothing known of a column draws it empty', async () => {
    const none = evaluation.chunks.map(() => null);
    const columns = evaluation.columns.map(column => ({
      ...column,
      states: '-'.repeat(none.length),
      effect: none,
      wasserstein: [],
      psi: [],
      missing: [],
      median: [],
      p_value: [],
      natural: 'NaN' as const,
      impact: 'Infinity' as const,
      outside: null,
      reference_counts: [],
      counts: null
    }));
    await odd({ columns }, select({ from: 0, until: 3, alert: '' }));
    expect(host.textContent).toContain('The counts of this feature are not kept here');
  });

  it('keeps the axis free of a long unit', async () => {
    const [temp] = evaluation.columns;
    for (const [unit, there] of [
      ['°F', true],
      ['departures per hour', false]
    ] as const) {
      await odd(
        { columns: [{ ...temp, unit }] },
        select({ column: temp.name, from: 0, until: 3, alert: '' })
      );
      const numbers = [...host.querySelectorAll('.jp-MlopsLab-drift-histogram text')];
      expect(numbers.length).toBeGreaterThan(0);
      expect(numbers.every(one => one.textContent!.endsWith(unit))).toBe(there);
      expect(host.textContent).toContain(unit);
      act(() => remove?.());
    }
  });

  it('with broken counts names them', async () => {
    const [temp, ...others] = evaluation.columns;
    const counts = { ...temp.counts!, data: 'AAAA' };
    await odd({ columns: [{ ...temp, counts }, ...others] });
    expect(host.textContent).toContain('The counts of temp cannot be read.');
  });

  it('with one chunk of few rows says that it cannot alarm', async () => {
    const [chunk] = evaluation.chunks;
    const columns = evaluation.columns.map(column => ({
      ...column,
      states: 's',
      effect: [0.3],
      counts: null
    }));
    await odd({
      chunks: [{ ...chunk, rows: 12, state: 'small' }],
      columns,
      performance: null,
      alerts: [],
      summary: { state: 'small', sentence: 'Too few rows.' }
    });
    expect(host.textContent).toContain('Every chunk has too few rows to alarm');
  });

  it('with markup in every text shows it as text', async () => {
    const evil = '<img src=x onerror="window.hacked=1">';
    let n = 0;
    const texts = /sentence|title|told|name|label|lines|value/;
    const hostile = JSON.parse(
      JSON.stringify(evaluation, (key, one: unknown) =>
        typeof one === 'string' && texts.test(key) ? `${evil} ${(n += 1)}` : one
      )
    ) as IEvaluation;
    await show({
      evaluation: hostile,
      alerts: [{ ...row, sentence: evil, comment: evil, by: evil }],
      monitor: { ...FULL.monitor!, name: evil, model: evil }
    });
    expect(host.querySelector('img')).toBeNull();
    expect(host.textContent).toContain(evil);
  });

  it('with hundreds of features shows those that are looked at, and finds the others', async () => {
    const [temp] = evaluation.columns;
    const columns = Array.from({ length: 200 }, (_, i) => ({
      ...temp,
      name: `feature_${i}`,
      importance: null,
      counts: null
    }));
    await odd({ columns, performance: null });
    const labels = () => host.querySelectorAll('.jp-MlopsLab-drift-labels > span').length;
    expect(labels()).toBeLessThan(40);
    await press(grid(), '/');
    const search = document.activeElement as HTMLInputElement;
    await act(async () => {
      const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!;
      set.call(search, 'feature_19');
      search.dispatchEvent(new Event('input', { bubbles: true }));
    });
    expect(labels()).toBe(11 + 1);
  });
});
