import { pythonIdentifier, pythonString } from '../notebook/python';

/** `flights@3`: a version as code names it. */
export function refOf(name: string, version: number): string {
  return `${name}@${version}`;
}

/** The Python that gets a version: a table as a frame, anything else as a path. */
export function loadExpression(name: string, version: number, tabular: boolean): string {
  return `lab.dataset(${pythonString(refOf(name, version))}).${tabular ? 'df()' : 'path'}`;
}

/** The same, given a name: `flights = lab.dataset("flights@3").df()`. */
export function loadLine(name: string, expression: string): string {
  return `${pythonIdentifier(name, 'data')} = ${expression}`;
}
