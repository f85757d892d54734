import type { IColumnProfile } from '../api/data';

/** What a model is given, and what it gives. */
export interface IFields {
  inputs: readonly string[];
  outputs: readonly string[];
}

/** What is known of what is to be watched. */
export interface IKnown {
  dataset: string;
  /** The oldest version that is there, where there are several: a reference that stays. */
  oldest: number | null;
  /** Versions of other datasets, as `baseline@1`. */
  others: readonly string[];
  columns: readonly IColumnProfile[];
  /** The models that could have answered these rows, the likeliest first. */
  models: readonly { ref: string; fields: IFields }[];
}

/** What a person decided about a monitor that is to be made. */
export interface IDraft {
  name: string;
  reference: string;
  schedule: string;
}

/** The schedules that one usually wants: never, every morning, every Monday. */
export const SCHEDULES = ['', '0 6 * * *', '0 6 * * mon'] as const;

/** With what it can be compared, the best first. */
export function references({ dataset, oldest, others, columns, models }: IKnown): string[] {
  return [
    ...(models.length > 0 ? ['training'] : []),
    ...(oldest === null ? [] : [`dataset:${dataset}@${oldest}`]),
    ...(timeOf(columns) === null ? [] : ['rolling 28d']),
    // One version and no time: it is compared with itself until there is another.
    ...(oldest === null && timeOf(columns) === null ? [`dataset:${dataset}`] : []),
    ...others.map(other => `dataset:${other}`)
  ];
}

/** The monitor's file: what is known, and nothing that is not. */
export function draftYaml(known: IKnown, { name, reference, schedule }: IDraft): string {
  const { dataset, columns, models } = known;
  const [model] = models;
  const target = model === undefined ? null : targetOf(columns, model.fields);
  const fields: [string, string | null][] = [
    ['name', name],
    ['current', `dataset:${dataset}`],
    ['reference', reference],
    ['model', model?.ref ?? null],
    ['time', timeOf(columns)],
    ['version', named(columns, ['model_version'])],
    ['target', target],
    ['score', scoreOf(columns)],
    ['schedule', schedule === '' ? null : schedule]
  ];
  const lines = fields.flatMap(([key, value]) =>
    value === null ? [] : [`${key}: ${yamlText(value)}`]
  );
  const more =
    '# More can be said, such as by: week, segment: COLUMN or labels: {after: 7d}:\n' +
    '# `mlops-lab monitor schema` lists all of it.';
  return `${lines.join('\n')}\n${more}\n`;
}

/** A text as YAML reads it back: plain where that is safe, else quoted. */
export function yamlText(text: string): string {
  const plain = /^[A-Za-z][\w./@-]*(:[\w./@-]+)*( [\w./@-]+)*$/.test(text);
  return plain && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text).replace(
        /[\u007f-\u00a0\u2028\u2029\ufeff]/g,
        char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
      );
}

/** The column that orders the rows: of several the one whose name says so. */
function timeOf(columns: readonly IColumnProfile[]): string | null {
  const times = columns.filter(({ kind, missing }) => kind === 'time' && missing === 0);
  const telling = times.find(({ name }) => /(^|_)(at|time|timestamp|date|day|when)$/i.test(name));
  return (telling ?? times[0])?.name ?? null;
}

function scoreOf(columns: readonly IColumnProfile[]): string | null {
  const found = named(columns, ['score', 'probability', 'proba']);
  return columns.find(({ name }) => name === found)?.kind === 'number' ? found : null;
}

/** The truth: a column called as what the model gives, which the model is not itself given. */
function targetOf(columns: readonly IColumnProfile[], { inputs, outputs }: IFields): string | null {
  return named(
    columns,
    outputs.filter(name => !inputs.includes(name))
  );
}

function named(columns: readonly IColumnProfile[], names: readonly string[]): string | null {
  return names.find(name => columns.some(column => column.name === name)) ?? null;
}
