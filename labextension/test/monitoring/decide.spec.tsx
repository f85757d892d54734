import { nullTranslator } from '@jupyterlab/translation';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { IAlertRow } from '../../src/api/monitoring';
import { DecideForm, mayDo } from '../../src/monitoring/decide';
import { sample } from '../wire';

const trans = nullTranslator.load('mlops_lab');
const { alerts } = sample('alerts') as { alerts: IAlertRow[] };

const draw = (verb: 'mute' | 'resolve', among: readonly IAlertRow[]): string =>
  renderToStaticMarkup(
    <DecideForm
      value={{ alert: among[0].id, comment: '', until: '7d' }}
      change={() => {}}
      verb={verb}
      alerts={among}
      trans={trans}
    />
  );

describe('a decision about an alert', () => {
  it('shows what it is about and what follows', () => {
    const page = draw('resolve', [alerts[0]]);
    expect(page).toContain('17.8 % were predicted late');
    expect(page).toContain('comes back when a later chunk alarms');
    expect(page).not.toContain('<select');
  });

  it('asks how long only of muting, and which one only of several', () => {
    expect(draw('mute', [alerts[0]])).toContain('7 days');
    expect(draw('resolve', alerts).match(/<option/g)).toHaveLength(alerts.length);
  });

  it('shows hostile words as words', () => {
    expect(draw('resolve', [alerts[2]])).not.toContain('<img');
  });

  it('is offered where it says anything new', () => {
    const offered = (status: IAlertRow['status']) =>
      (['acknowledge', 'mute', 'resolve', 'reopen'] as const).filter(verb => mayDo(verb, status));
    expect(offered('open')).toEqual(['acknowledge', 'mute', 'resolve']);
    expect(offered('acknowledged')).toEqual(['mute', 'resolve']);
    expect(offered('muted')).toEqual(['resolve', 'reopen']);
    expect(offered('resolved')).toEqual(['reopen']);
  });
});
