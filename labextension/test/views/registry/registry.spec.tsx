import { act } from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Graph } from '../../../src/api/lineage';
import * as wire from '../../../src/api/registry';
import { decode } from '../../../src/api/request';
import { axis } from '../../../src/views/axis';
import { LocalModel } from '../../../src/views/model';
import view from '../../../src/views/registry';
import { NO_REGISTRY, NO_SELECTION } from '../../../src/views/registry/state';
import type { IRegistryState, IRequest } from '../../../src/views/registry/state';
import { sample } from '../../wire';

// Whole pages are rendered here, on machines that do other things too.
vi.setConfig({ testTimeout: 30_000 });

const page = decode(wire.ModelPage, sample('model'));
const detail = decode(wire.VersionDetail, sample('model_version'));
const unsafe = decode(wire.VersionDetail, sample('model_version_unsafe'));
const five = {
  ...detail,
  ...page.versions[1],
  params: { ...detail.params, learning_rate: '0.1' },
  inputs: [{ dataset: 'flights', version: 47 }]
};
const FULL: IRegistryState = {
  ...NO_REGISTRY,
  models: decode(wire.Models, sample('models')),
  pages: { 'flight-delay': page },
  details: { 'flight-delay@6': detail, 'flight-delay@5': five },
  lineages: { 'flight-delay@6': decode(Graph, sample('lineage')) },
  cards: { 'flight-delay@6': decode(wire.Card, sample('model_card')) },
  decisions: decode(wire.Decisions, sample('decisions')),
  me: decode(wire.Me, sample('me')),
  updated_ms: Date.parse('2026-11-21T10:00:00Z'),
  opens: ['run', 'dataset'],
  inserts: true
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
});

/** A host that answers, unless it is told not to; what it was asked is noted. */
function show(state: Partial<IRegistryState> = {}, answers = true) {
  const model = new LocalModel<IRegistryState>({ ...FULL, ...state });
  const asked: IRequest[] = [];
  let refusal: string | null = null;
  model.on('change:request', () => {
    const request = model.get('request')!;
    if (request.verb !== 'hello') {
      asked.push(request);
    }
    if (answers) {
      const ok = refusal === null || request.verb === 'hello';
      model.set('answer', { id: request.id, ok, sentence: ok ? 'It is done.' : refusal! });
    }
  });
  act(() => {
    remove = view.render({ model, el: host });
  });
  return {
    model,
    asked,
    refuse: (why: string) => {
      refusal = why;
    }
  };
}

const button = (text: string | RegExp) =>
  [...host.querySelectorAll<HTMLButtonElement>('button')].find(one =>
    typeof text === 'string'
      ? one.textContent === text || one.getAttribute('aria-label') === text
      : text.test(one.textContent ?? '')
  );
const click = (text: string | RegExp) => act(() => button(text)!.click());
const region = (name: string) => host.querySelector(`section[aria-label="${name}"]`);
const sheet = () => host.querySelector('[role="dialog"]');
const press = (target: Element, key: string) =>
  act(() => {
    target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  });
async function write(text: string) {
  const box = sheet()!.querySelector('textarea')!;
  await act(async () => {
    const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')!.set!;
    set.call(box, text);
    box.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

describe('the registry browser', () => {
  it('begins with what waits, and says so to its host', () => {
    const { model } = show();
    expect(model.get('selection')).toMatchObject({ model: 'flight-delay', version: 6 });
    expect(host.querySelector('h1')?.textContent).toBe('flight-delay');
    expect(host.textContent).toContain('Decision log intact, 214 entries');
    const rows = [...host.querySelectorAll('tbody tr[data-row]')];
    expect(rows.map(row => row.getAttribute('data-row'))).toEqual(['6', '5', '4', '3', '2', '1']);
    expect(rows[0].textContent).toContain('+.032 better');
    expect(rows[3].textContent).toContain('rejected');
  });

  it('draws each metric with its axis, and reads it to the keyboard', () => {
    show();
    const chart = host.querySelector('figure svg[role="img"]')!;
    expect(chart.getAttribute('aria-label')).toContain('auc over 6 versions');
    expect(chart.textContent).toContain('version');
    press(chart, 'End');
    expect(host.querySelector('figure [aria-live]')?.textContent).toBe(
      'version 6, auc 0.745, champion 5 on the same rows 0.713'
    );
    const tip = host.querySelector('figure .jp-MlopsLab-reg-told')!;
    expect(tip.textContent).toContain('version 6 0.7452');
    expect(tip.textContent).toContain('champion 5 0.7131');
    press(chart, 'Home');
    expect(host.querySelector('figure .jp-MlopsLab-reg-told')?.textContent).toContain('version 1');
  });

  it('takes one step of the Tab key for each list', () => {
    show();
    const stops = (where: string) =>
      host.querySelectorAll(`${where} :is(button, [tabindex]):not([tabindex="-1"])`).length;
    expect(stops('.jp-MlopsLab-reg-decisions')).toBe(1);
    expect(stops('.jp-MlopsLab-reg-versions')).toBe(2); // the row and its run
    const decision = host.querySelector<HTMLElement>('.jp-MlopsLab-reg-decisions button')!;
    act(() => decision.focus());
    press(decision, 'End');
    expect(document.activeElement?.closest('.jp-MlopsLab-reg-decisions')).not.toBeNull();
    expect(document.activeElement).not.toBe(decision);
  });

  it('tells where a value is that stands alone', () => {
    const { low, high, ticks } = axis([0.1]);
    expect(ticks.length).toBeGreaterThanOrEqual(3);
    expect(low).toBeLessThan(0.1);
    expect(high).toBeGreaterThan(0.1);
    expect(axis([0]).ticks.length).toBeGreaterThanOrEqual(3);
  });

  it('says what waits beside what its gates said', () => {
    const versions = page.versions.map(row =>
      row.version === 4 ? { ...row, waiting: ['champion'] } : row
    );
    show({ pages: { 'flight-delay': { ...page, versions } } });
    const badge = host.querySelector('tr[data-row="4"] .jp-mod-warn');
    expect(badge?.textContent).toBe('waiting');
    expect(badge?.getAttribute('title')).toContain('champion');
  });

  it('shows no other model or version than the one that a link asks for', () => {
    const { model } = show({ selection: { ...NO_SELECTION, model: 'nobody', version: 3 } });
    expect(host.querySelector('main')?.textContent).toContain('There is no model nobody');
    expect(host.querySelector('[role="grid"][aria-label="Models"]')).not.toBeNull();
    act(() => model.set('selection', { ...NO_SELECTION, model: 'flight-delay', version: 77 }));
    expect(host.querySelector('main')?.textContent).toContain('There is no version 77');
    click('Show the newest');
    expect(model.get('selection').version).toBe(6);
    expect(region('Version 6')).not.toBeNull();
  });

  it('writes what a card escapes as it was meant', () => {
    const markdown = 'R&amp;D <b> \\&lt;, **a &lt; b**, `&lt;`';
    show({
      selection: { ...NO_SELECTION, model: 'flight-delay', version: 6, part: 'card' },
      cards: { 'flight-delay@6': { markdown, sections: {} } }
    });
    const text = host.querySelector('.jp-MlopsLab-markdown')?.textContent;
    expect(text).toBe('R&D <b> &lt;, a < b, &lt;');
  });

  it('shows what is unsafe in red, and what somebody wrote as text', () => {
    const row = { ...page.versions[0], ...unsafe, name: undefined };
    show({
      pages: { 'flight-delay': { ...page, versions: [row] } },
      details: { 'flight-delay@2': { ...unsafe, name: 'flight-delay' } }
    });
    expect(host.querySelectorAll('.jp-mod-bad').length).toBeGreaterThan(0);
    expect(host.textContent).toContain('unsafe: pickle');
    expect(host.textContent).toContain('<img src=x onerror=alert(1)>');
    expect(host.querySelector('img[src]')).toBeNull();
    expect(host.textContent).toContain('NaN');
  });

  it('walks versions by keys and compares two', () => {
    const { model } = show();
    const stop = host.querySelector<HTMLElement>('tr[data-row][tabindex="0"]')!;
    act(() => stop.focus());
    press(stop, 'ArrowDown');
    expect(document.activeElement?.getAttribute('data-row')).toBe('5');
    press(document.activeElement!, 'Enter');
    expect(model.get('selection').version).toBe(5);
    press(document.activeElement!, 'Home');
    press(document.activeElement!, 'c');
    expect(model.get('selection')).toMatchObject({ part: 'compare', version: 6, other: 5 });
    expect(region('Metrics')?.textContent).toContain('5 was judged again on the rows of 6');
    expect(region('Params')?.textContent).toContain('learning_rate0.10.06');
    expect(region('Data')?.textContent).toContain('flights4752');
    press(region('Params')!, 'Escape');
    expect(model.get('selection').part).toBe('versions');
  });

  it('searches by name, alias and tag', async () => {
    show();
    const box = host.querySelector<HTMLInputElement>('input[type="search"]')!;
    await act(async () => {
      const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!;
      set.call(box, 'ops stag');
      box.dispatchEvent(new Event('input', { bubbles: true }));
    });
    const rows = [...host.querySelectorAll('[role="grid"][aria-label="Models"] [role="row"]')];
    expect(rows.map(row => row.getAttribute('data-row'))).toEqual(['flight-delay']);
  });

  it('says what was champion on a day', async () => {
    show({ selection: { ...NO_SELECTION, model: 'flight-delay', version: 6, part: 'history' } });
    const day = host.querySelector<HTMLInputElement>('input[type="date"]')!;
    const ask = (text: string) =>
      act(async () => {
        const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!;
        set.call(day, text);
        day.dispatchEvent(new Event('input', { bubbles: true }));
      });
    await ask('2026-11-13');
    expect(host.querySelector('.jp-MlopsLab-reg-onday')?.textContent).toContain(
      'Version 4, by ivo'
    );
    await ask('2026-11-01');
    expect(host.querySelector('.jp-MlopsLab-reg-onday')?.textContent).toContain('No version');
  });

  it('reads the card as text', () => {
    const markdown =
      '# A \\*card\\*\n\n<script>alert(1)</script> and **bold** [here](javascript:x)';
    show({
      cards: { 'flight-delay@6': { markdown, sections: {} } },
      selection: { ...NO_SELECTION, model: 'flight-delay', version: 6, part: 'card' }
    });
    const card = host.querySelector('.jp-MlopsLab-markdown')!;
    expect(card.querySelector('h2')?.textContent).toBe('A *card*');
    expect(card.querySelector('script, a')).toBeNull();
    expect(card.querySelector('b')?.textContent).toBe('bold');
    expect(card.textContent).toContain('<script>alert(1)</script>');
  });
});

describe('a decision', () => {
  it('needs a reason, speaks of the content, and closes the sheet', async () => {
    const { model, asked } = show();
    click('Review 6…');
    expect(sheet()?.textContent).toContain('Needs 1 approval');
    expect(sheet()?.textContent).toContain('Same rows');
    click('Approve and promote');
    expect(sheet()?.querySelector('[role="alert"]')?.textContent).toContain('A reason is needed');
    expect(asked).toHaveLength(0);
    await write('better on the same rows');
    await act(async () => button('Approve and promote')!.click());
    expect(asked[0]).toMatchObject({
      verb: 'approve',
      model: 'flight-delay',
      version: 6,
      alias: 'champion',
      digest: detail.digest,
      text: 'better on the same rows'
    });
    expect(sheet()).toBeNull();
    expect(host.querySelector('.jp-MlopsLab-said')?.textContent).toBe('It is done.');
    expect(model.get('selection').sheet).toBeNull();
  });

  it('keeps the keyboard on the button while it is decided', async () => {
    const { asked } = show();
    click(/^Review 6/);
    await write('better');
    const approve = button('Approve and promote')!;
    act(() => approve.focus());
    await act(async () => {
      approve.click();
      approve.click();
    });
    expect(approve.disabled).toBe(false);
    expect(asked).toHaveLength(1);
  });

  it('that is refused keeps the sheet, the reason, and says why', async () => {
    const { refuse } = show();
    click('Review 6…');
    refuse('The content has changed since.');
    await write('because');
    await act(async () => button('Reject')!.click());
    expect(sheet()?.querySelector('[role="alert"]')?.textContent).toBe(
      'The content has changed since.'
    );
    expect(sheet()?.querySelector('textarea')?.value).toBe('because');
  });

  it('gives the keyboard back when Esc closes the sheet', () => {
    show();
    const opener = button('Review 6…')!;
    act(() => opener.focus());
    act(() => opener.click());
    expect(document.activeElement).toBe(sheet());
    press(sheet()!, 'Escape');
    expect(sheet()).toBeNull();
    expect(document.activeElement).toBe(opener);
  });

  it('has one filled button', () => {
    show();
    click('Review 6…');
    expect(host.querySelectorAll('.jp-mod-accept, .jp-mod-danger')).toHaveLength(1);
  });

  it('tells who may not decide why', () => {
    const promotions = detail.promotions.map(one => ({
      ...one,
      may_approve: false,
      why_not: 'ivo asked for it: nobody approves their own version'
    }));
    show({
      details: { 'flight-delay@6': { ...detail, promotions } },
      selection: {
        ...NO_SELECTION,
        model: 'flight-delay',
        version: 6,
        sheet: { verb: 'promote', alias: 'champion' }
      }
    });
    expect(sheet()?.textContent).toContain('nobody approves their own version');
    expect(sheet()?.querySelector('textarea')).toBeNull();
  });

  it('can give an alias that no policy speaks of', async () => {
    const { asked } = show({ details: { 'flight-delay@6': { ...detail, promotions: [] } } });
    click('Promote 6…');
    const select = sheet()!.querySelector('select')!;
    expect(select.value).toBe('champion');
    await act(async () => {
      select.value = '';
      select.dispatchEvent(new Event('change', { bubbles: true }));
    });
    const box = sheet()!.querySelector<HTMLInputElement>('input[aria-label="Alias"]')!;
    await act(async () => {
      const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!;
      set.call(box, 'challenger');
      box.dispatchEvent(new Event('input', { bubbles: true }));
    });
    press(box, 'Enter');
    await write('for the canary');
    await act(async () => button('Promote to challenger')!.click());
    expect(asked[0]).toMatchObject({ verb: 'promote', alias: 'challenger', version: 6 });
  });

  it('to roll back says what comes back', async () => {
    const { asked } = show();
    click(/^Roll back/);
    expect(sheet()?.textContent).toContain('goes back to 2');
    await write('5 is slow');
    await act(async () => button('Roll back to 2')!.click());
    expect(asked[0]).toMatchObject({
      ...{ verb: 'rollback', alias: 'champion', version: 2 },
      text: '5 is slow'
    });
  });

  it('goes back to where the host says, not to what stood there last', async () => {
    const policies = page.policies.map(one =>
      one.alias === 'champion' ? { ...one, back: 1 } : { ...one, back: null }
    );
    show({ pages: { 'flight-delay': { ...page, policies } } });
    click(/^Roll back/);
    expect(button('Roll back to 1')).toBeDefined();
    expect(sheet()?.querySelector('select')).toBeNull();
  });
});

it('offers a viewer nothing to change', () => {
  const promotions = detail.promotions.map(one => ({
    ...one,
    may_approve: false,
    why_not: 'eve is viewer.'
  }));
  show({
    me: { id: 'eve', role: 'viewer', may: ['runs:read', 'models:read'] },
    details: { 'flight-delay@6': { ...detail, promotions } }
  });
  expect(button(/^Roll back/)).toBeUndefined();
  expect(button('Edit the note')).toBeUndefined();
  click('Promote 6…');
  expect(sheet()?.textContent).toContain('eve is viewer.');
  expect(sheet()?.querySelector('textarea, .jp-mod-accept')).toBeNull();
});

describe('without a host', () => {
  it('everything that was saved can be read, and nothing is offered that would need one', () => {
    const { model } = show({ opens: [], inserts: false, me: null }, false);
    for (const dead of [/^Review \d/, /^Promote/, /^Roll back/, /^Insert/, /^Edit/, /^Save/]) {
      expect(button(dead)).toBeUndefined();
    }
    const five_ = host.querySelector<HTMLElement>('tr[data-row="5"]')!;
    act(() => five_.click());
    expect(model.get('selection').version).toBe(5);
    expect(region('Version 5')).not.toBeNull();
    expect(host.textContent).toContain('as of 21 Nov 10:00 UTC');
    click('History');
    expect(region('History')?.textContent).toContain('ranks better since October');
    click(/^Review$/);
    expect(sheet()?.querySelector('textarea')).toBeNull();
    expect(sheet()?.textContent).toContain('Nobody is there to decide with');
  });
});

it('says of a host that does not answer yet that it is busy', () => {
  show({ selection: { ...NO_SELECTION, model: 'flight-delay', version: 6 } }, false);
  expect(host.textContent).not.toContain('as of');
  click(/^Review$/);
  expect(sheet()?.textContent).toContain('The kernel is busy');
});

describe('the states around it', () => {
  it('shows how the first model is made', () => {
    show({ models: { models: [], queue: [] } });
    expect(host.textContent).toContain('run.log_model(model, register="my-model")');
  });

  it('says what cannot be read, and asks again', () => {
    const { asked } = show({ models: null, error: 'The store is busy.' });
    expect(host.querySelector('[role="alert"]')?.textContent).toContain('The store is busy.');
    click('Retry');
    expect(asked[0].verb).toBe('refresh');
  });

  it('keeps what it has with its age when it cannot be read again', () => {
    show({ error: 'The server does not answer' });
    expect(host.querySelector('.jp-MlopsLab-stalebar')?.textContent).toContain('updated');
    expect(host.querySelector('h1')?.textContent).toBe('flight-delay');
  });

  it('tells of a broken log in red', () => {
    show({ decisions: decode(wire.Decisions, sample('decisions_broken')) });
    const line = host.querySelector('.jp-MlopsLab-reg-audit')!;
    expect(line.getAttribute('role')).toBe('alert');
    expect(line.textContent).toContain('line 131');
  });
});
