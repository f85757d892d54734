import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { useId, useState } from 'react';
import type { ReactElement } from 'react';
import type { ILoggedModel, IVersionRow } from '../api/registry';
import { RegistryClient } from '../api/registry';
import { formatBytes } from '../components';
import type { LiveProject } from '../state/live';
import { TOLD } from '../commands';
import { asRequestError } from '../state/resource';

/** What a person decided to register. */
export interface IRegisterChoice {
  name: string;
  logged: string;
}

export interface IRegisterDialog {
  /** What the run has logged: one, or several to choose from. */
  logged: readonly ILoggedModel[];
  /** The models that there are. */
  names: readonly string[];
  /** The name to begin with. */
  name: string;
  /** Why the last try was refused. */
  problem: string | null;
  trans: TranslationBundle;
}

/** Make a version of what a run has logged, and say what came of it; null when nothing did. */
export async function registerRun(
  live: LiveProject,
  run: string,
  trans: TranslationBundle
): Promise<{ name: string; version: IVersionRow } | null> {
  const client = new RegistryClient(live.client);
  try {
    const [logged, { models }] = await Promise.all([client.logged(run), client.models()]);
    if (logged.length === 0) {
      Notification.info(
        trans.__('This run has logged no model: run.log_model(model) keeps one with it.'),
        TOLD
      );
      return null;
    }
    const names = models.map(model => model.name);
    let choice: IRegisterChoice | null = {
      name: logged[0].registered[0]?.model ?? names[0] ?? '',
      logged: logged[0].id
    };
    let problem: string | null = null;
    for (;;) {
      choice = await ask({ logged, names, name: choice.name, problem, trans });
      if (choice === null) {
        return null;
      }
      try {
        const version = await client.register(run, {
          name: choice.name,
          logged_model: choice.logged
        });
        live.reload(); // An unwatched project announces nothing.
        return { name: choice.name, version };
      } catch (error) {
        problem = asRequestError(error).message;
      }
    }
  } catch (error) {
    Notification.error(
      trans.__('The run cannot be registered: %1', asRequestError(error).message),
      TOLD
    );
    return null;
  }
}

async function ask(options: IRegisterDialog): Promise<IRegisterChoice | null> {
  const { trans } = options;
  const result = await showDialog({
    title: trans.__('Register a model version'),
    body: new RegisterBody(options),
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Register') })],
    focusNodeSelector: 'input'
  });
  return result.button.accept ? result.value : null;
}

class RegisterBody extends ReactWidget implements Dialog.IBodyWidget<IRegisterChoice> {
  constructor(private _options: IRegisterDialog) {
    super();
    this.addClass('jp-MlopsLab-root');
    this.addClass('jp-MlopsLab-dialog-body');
    this._choice = { name: _options.name, logged: _options.logged[0].id };
  }

  getValue(): IRegisterChoice {
    return { ...this._choice, name: this._choice.name.trim() };
  }

  protected render(): ReactElement {
    return (
      <RegisterForm
        options={this._options}
        initial={this._choice}
        onChange={choice => {
          this._choice = choice;
        }}
      />
    );
  }

  private _choice: IRegisterChoice;
}

/** The dialog's content: under which name, and which of the run's models. */
export function RegisterForm(props: {
  options: IRegisterDialog;
  initial: IRegisterChoice;
  onChange: (choice: IRegisterChoice) => void;
}): ReactElement {
  const { options, onChange } = props;
  const { logged, names, problem, trans } = options;
  const [choice, setChoice] = useState(props.initial);
  const known = useId();
  const change = (next: IRegisterChoice): void => {
    setChoice(next);
    onChange(next);
  };
  const chosen = logged.find(one => one.id === choice.logged) ?? logged[0];
  const next = names.includes(choice.name.trim());
  return (
    <>
      <label className="jp-MlopsLab-field">
        <span>{trans.__('Name')}</span>
        <input
          type="text"
          className="jp-mod-styled"
          list={known}
          value={choice.name}
          spellCheck={false}
          placeholder={trans.__('flight-delay')}
          onChange={event => change({ ...choice, name: event.target.value })}
        />
        <datalist id={known}>
          {names.map(name => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      {logged.length > 1 && (
        <label className="jp-MlopsLab-field">
          <span>{trans.__('Model')}</span>
          <select
            value={choice.logged}
            onChange={event => change({ ...choice, logged: event.target.value })}
          >
            {logged.map(one => (
              <option key={one.id} value={one.id}>
                {`${one.name} · ${one.flavor} · ${formatBytes(one.size_bytes)}`}
              </option>
            ))}
          </select>
        </label>
      )}
      <p className="jp-MlopsLab-small jp-MlopsLab-muted">
        {choice.name.trim() === ''
          ? trans.__('A new name makes a new model.')
          : next
            ? trans.__('It becomes the next version of %1.', choice.name.trim())
            : trans.__('It becomes version 1 of a new model, %1.', choice.name.trim())}
      </p>
      {chosen.unsafe && (
        <p className="jp-MlopsLab-reason jp-mod-bad">
          {trans.__('It is kept as %1: loading it can run any code.', chosen.flavor)}
        </p>
      )}
      {chosen.registered.length > 0 && (
        <p className="jp-MlopsLab-small jp-MlopsLab-muted">
          {trans.__(
            'It is %1 already.',
            chosen.registered.map(({ model, version }) => `${model} ${version}`).join(', ')
          )}
        </p>
      )}
      {problem !== null && (
        <p className="jp-MlopsLab-reason jp-mod-bad" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}
