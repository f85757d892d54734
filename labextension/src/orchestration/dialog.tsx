import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import { useState } from 'react';
import type { IPipeline } from '../api/types';
import { Icon } from '../components';
import { DialogBody } from '../dialog-body';

/** What a person decided to run. */
export interface IPipelineChoice {
  path: string;
  params: Record<string, unknown>;
}

export interface IPipelineDialog {
  /** One to run, or several to choose from. */
  pipelines: readonly IPipeline[];
  /** Values to begin with, as text; else the file's own. */
  params: Readonly<Record<string, string>>;
  /** Why the last try was refused. */
  problem: string | null;
  trans: TranslationBundle;
}

/** Ask what to run and with which params; null when the person did not want to, or could not. */
export async function askPipeline(options: IPipelineDialog): Promise<IPipelineChoice | null> {
  const { trans, pipelines } = options;
  const runnable = pipelines.filter(pipeline => pipeline.faults.length === 0);
  const body = new PipelineBody(options);
  const close = Dialog.cancelButton({ label: trans.__('Close') });
  const result = await showDialog({
    title:
      pipelines.length === 1 ? trans.__('Run %1', title(pipelines[0])) : trans.__('Run Pipeline'),
    body,
    buttons:
      runnable.length === 0
        ? [close]
        : [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Run') })],
    focusNodeSelector: 'input, select'
  });
  return result.button.accept ? result.value : null;
}

class PipelineBody extends DialogBody implements Dialog.IBodyWidget<IPipelineChoice> {
  constructor(private _options: IPipelineDialog) {
    super();
    this.addClass('jp-MlopsLab-root');
    this.addClass('jp-MlopsLab-dialog-body');
    const { pipelines, params } = _options;
    const first = pipelines.find(one => one.faults.length === 0) ?? pipelines[0];
    this._choice = { path: first?.path ?? '', texts: { ...paramTexts(first), ...params } };
  }

  getValue(): IPipelineChoice {
    const { path, texts } = this._choice;
    const pipeline = this._options.pipelines.find(one => one.path === path);
    return { path, params: changedParams(pipeline, texts) };
  }

  protected render(): ReactElement {
    return (
      <Body
        options={this._options}
        initial={this._choice}
        onChange={choice => {
          this._choice = choice;
        }}
      />
    );
  }

  private _choice: IChoice;
}

interface IChoice {
  path: string;
  texts: Record<string, string>;
}

/** The dialog's content: which pipeline, its params, and what is wrong with its file. */
export function Body(props: {
  options: IPipelineDialog;
  initial: IChoice;
  onChange: (choice: IChoice) => void;
}): ReactElement {
  const { options, onChange } = props;
  const { pipelines, problem, trans } = options;
  const [choice, setChoice] = useState(props.initial);
  const change = (next: IChoice) => {
    setChoice(next);
    onChange(next);
  };
  const pipeline = pipelines.find(one => one.path === choice.path);
  return (
    <>
      {pipelines.length > 1 && (
        <label className="jp-MlopsLab-field">
          <span>{trans.__('Pipeline')}</span>
          <select
            value={choice.path}
            onChange={event => {
              const next = pipelines.find(one => one.path === event.target.value);
              change({ path: event.target.value, texts: paramTexts(next) });
            }}
          >
            {pipelines.map(one => (
              <option key={one.path} value={one.path} disabled={one.faults.length > 0}>
                {one.faults.length > 0 ? `${one.path} (${trans.__('has faults')})` : one.path}
              </option>
            ))}
          </select>
        </label>
      )}
      {pipeline && pipeline.faults.length === 0 && (
        <p className="jp-MlopsLab-small jp-MlopsLab-muted">
          {pipeline.steps.join(' → ')}
          {pipeline.gates > 0 && `, ${trans._n('%1 gate', '%1 gates', pipeline.gates)}`}
        </p>
      )}
      {pipeline && <Faults pipeline={pipeline} trans={trans} />}
      {pipeline?.faults.length === 0 &&
        Object.entries(choice.texts).map(([key, text]) => (
          <label key={key} className="jp-MlopsLab-field">
            <span title={key}>{key}</span>
            <input
              type="text"
              className="jp-mod-styled"
              value={text}
              spellCheck={false}
              onChange={event =>
                change({ ...choice, texts: { ...choice.texts, [key]: event.target.value } })
              }
            />
          </label>
        ))}
      {problem !== null && (
        <p className="jp-MlopsLab-reason jp-mod-bad" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}

/** What is wrong in the file, each with its place; nothing has been run. */
function Faults(props: { pipeline: IPipeline; trans: TranslationBundle }): ReactElement | null {
  const { pipeline, trans } = props;
  if (pipeline.faults.length === 0) {
    return null;
  }
  return (
    <div role="alert">
      <p>{trans.__('It cannot run yet. Nothing was started.')}</p>
      <ul className="jp-MlopsLab-faults">
        {pipeline.faults.map((fault, i) => (
          <li key={i}>
            <Icon name="rejected" size={14} />
            <code>{place(pipeline.path, fault.line, fault.column)}</code>
            <span>{fault.message}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** `flight-delay.yaml:7:5`, as compilers say it. */
function place(path: string, line: number | null, column: number | null): string {
  const name = path.split('/').pop() ?? path;
  return [name, line, column].filter(part => part !== null).join(':');
}

function title(pipeline: IPipeline): string {
  return pipeline.name ?? pipeline.path.split('/').pop() ?? pipeline.path;
}

/** The file's params as a person edits them: text bare, everything else as JSON. */
export function paramTexts(pipeline: IPipeline | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(pipeline?.params ?? {}).map(([key, value]) => [key, paramText(value)])
  );
}

export function paramText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The params that differ from the file's, with the type that the file gives them. */
export function changedParams(
  pipeline: IPipeline | undefined,
  texts: Readonly<Record<string, string>>
): Record<string, unknown> {
  const defaults = pipeline?.params ?? {};
  return Object.fromEntries(
    Object.entries(texts)
      .filter(([key, text]) => !(key in defaults) || paramText(defaults[key]) !== text)
      .map(([key, text]) => [key, typeof defaults[key] === 'string' ? text : parsed(text)])
  );
}

/** A number, a boolean, a list: what JSON reads; else text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Params that a run has kept are written as Python writes them.
    const python: Record<string, unknown> = { True: true, False: false, None: null };
    return text in python ? python[text] : text;
  }
}
