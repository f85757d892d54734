import { describe, expect, it } from 'vitest';
import {
  IMPORT,
  importsLab,
  pythonIdentifier,
  pythonString,
  withImport
} from '../../src/notebook/python';

describe('pythonIdentifier', () => {
  it.each([
    ['flights', 'flights'],
    ['flight-delay', 'flight_delay'],
    ['weekly flights (2013)', 'weekly_flights_2013'],
    ['2013', 'data_2013'],
    ['class', 'class_'],
    ['lab', 'lab_'],
    ['list', 'list_'],
    ['größe', 'größe'],
    ['飛行', '飛行'],
    ['ﬁt', 'fit'],
    ['__init__', 'init'],
    ['"; import os #', 'import_os'],
    ['***', 'data'],
    ['', 'data']
  ])('makes of %j the name %j', (name, expected) => {
    expect(pythonIdentifier(name, 'data')).toBe(expected);
  });
});

describe('pythonString', () => {
  it.each([
    ['flights@3', '"flights@3"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['a\nb', '"a\\nb"'],
    ['end\u202egnp', '"end\\u202egnp"'],
    ['a\u2028b', '"a\\u2028b"']
  ])('writes %j as %s', (text, expected) => {
    expect(pythonString(text)).toBe(expected);
  });
});

describe('withImport', () => {
  it('brings the import where no cell has it', () => {
    expect(withImport('x = 1', ['import os'])).toBe(`${IMPORT}\n\nx = 1`);
  });

  it.each([
    'import mlops_lab as lab',
    'import pandas as pd, mlops_lab as lab',
    'import os\nimport mlops_lab as lab\nlab.start_run()'
  ])('does not repeat %j', source => {
    expect(withImport('x = 1', [source])).toBe('x = 1');
  });

  it.each(['# import mlops_lab as lab', 'import mlops_lab', 'import mlops_lab as labs'])(
    'is not content with %j',
    source => {
      expect(importsLab(source)).toBe(false);
    }
  );
});
