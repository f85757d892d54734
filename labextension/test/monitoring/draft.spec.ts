import { describe, expect, it } from 'vitest';
import type { IColumnProfile } from '../../src/api/data';
import { draftYaml, references, yamlText } from '../../src/monitoring/draft';
import type { IKnown } from '../../src/monitoring/draft';

const column = (name: string, kind: IColumnProfile['kind'], missing = 0): IColumnProfile =>
  ({ name, kind, missing }) as IColumnProfile;

const KNOWN: IKnown = {
  dataset: 'predictions',
  oldest: 1,
  others: [],
  columns: [
    column('departed_at', 'time', 12),
    column('created', 'time'),
    column('scheduled_at', 'time'),
    column('temp', 'number'),
    column('score', 'number'),
    column('late', 'boolean'),
    column('model_version', 'number')
  ],
  models: [{ ref: 'flight-delay@champion', fields: { inputs: ['temp'], outputs: ['late'] } }]
};
const DRAFT = { name: 'delay', reference: 'training', schedule: '0 6 * * mon' };

describe('a new monitor', () => {
  it('says all that is known', () => {
    expect(draftYaml(KNOWN, DRAFT).split('\n').slice(0, 9)).toEqual([
      'name: delay',
      'current: dataset:predictions',
      'reference: training',
      'model: flight-delay@champion',
      'time: scheduled_at',
      'version: model_version',
      'target: late',
      'score: score',
      'schedule: "0 6 * * mon"'
    ]);
  });

  it('says nothing that is not', () => {
    const bare = { dataset: 'sensor', oldest: null, others: [], columns: [], models: [] };
    const draft = { name: 'sensor', reference: 'dataset:sensor', schedule: '' };
    expect(draftYaml(bare, draft)).toMatch(
      /^name: sensor\ncurrent: dataset:sensor\nreference: dataset:sensor\n# /
    );
  });

  it('is compared with what the model learned from, where there is one', () => {
    expect(references(KNOWN)).toEqual(['training', 'dataset:predictions@1', 'rolling 28d']);
    expect(references({ ...KNOWN, models: [], oldest: null })).toEqual(['rolling 28d']);
    const bare = { ...KNOWN, models: [], oldest: null, columns: [] };
    expect(references({ ...bare, others: ['baseline@2'] })).toEqual([
      'dataset:predictions',
      'dataset:baseline@2'
    ]);
  });

  it('does not take what a model is given for the truth', () => {
    const fields = { inputs: ['temp', 'late'], outputs: ['late'] };
    const models = [{ ref: 'gbm@1', fields }];
    expect(draftYaml({ ...KNOWN, models }, DRAFT)).not.toContain('target:');
  });

  it.each([
    ['rolling 28d', 'rolling 28d'],
    ['dataset:flights@3', 'dataset:flights@3'],
    ['yes', '"yes"'],
    ['null', '"null"'],
    ['a: b', '"a: b"'],
    ['a #b', '"a #b"'],
    ['-1', '"-1"'],
    ['2013', '"2013"'],
    ['Größe "ü"', '"Größe \\"ü\\""'],
    ['a\nb: c', '"a\\nb: c"'],
    ['ends:', '"ends:"']
  ])('writes %j as YAML reads it back', (text, yaml) => {
    expect(yamlText(text)).toBe(yaml);
  });
});
