import type { IEvaluation } from './state';

/** A monitor that looks at the same again, as its file: where nobody has kept one. */
export function monitorYaml(evaluation: IEvaluation): string {
  const { reference, current, chunking, columns, performance } = evaluation;
  const named = (role: string) => columns.find(column => column.role === role)?.name ?? null;
  const lines: [string, string | null][] = [
    ['name', evaluation.monitor ?? 'my-monitor'],
    ['current', `dataset:${nameOf(current.told)}`],
    ['reference', referenceOf(reference)],
    ['time', chunking.time],
    ['by', /^(hour|day|week|month)$/.test(chunking.by) ? chunking.by : null],
    ['timezone', chunking.timezone === 'UTC' ? null : chunking.timezone],
    ['target', performance?.target ?? named('target')],
    ['score', performance?.score ?? named('score')],
    ['segment', evaluation.segments?.by ?? null]
  ];
  const units = columns.filter(column => column.unit !== null);
  const kinds = columns.filter(column => column.declared);
  const features = columns.filter(column => column.role === 'feature').map(column => column.name);
  return [
    ...lines.flatMap(([key, value]) => (value === null ? [] : [`${key}: ${scalar(value)}`])),
    `columns: [${features.map(scalar).join(', ')}]`,
    ...mapping(
      'kinds',
      kinds.map(column => [column.name, column.kind])
    ),
    ...mapping(
      'units',
      units.map(column => [column.name, column.unit!])
    ),
    ''
  ].join('\n');
}

function referenceOf({ kind, told }: IEvaluation['reference']): string {
  if (kind === 'training') {
    return 'training';
  }
  const rolling = /\d+\s*d\b/.exec(told)?.[0];
  return kind === 'rolling' && rolling !== undefined ? `rolling ${rolling}` : `dataset:${told}`;
}

/** A monitor follows the dataset, not the version that was looked at. */
function nameOf(told: string): string {
  return told.replace(/@\w+$/, '');
}

function mapping(key: string, entries: readonly (readonly [string, string])[]): string[] {
  return entries.length === 0
    ? []
    : [
        `${key}: {${entries.map(([name, value]) => `${scalar(name)}: ${scalar(value)}`).join(', ')}}`
      ];
}

/** A text as YAML: plain where that can mean nothing else, else quoted as JSON, which YAML reads. */
function scalar(text: string): string {
  const plain = /^[A-Za-z_][\w./@-]*( [\w./@-]+)*$/.test(text) || /^dataset:[\w./@-]+$/.test(text);
  return plain && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
