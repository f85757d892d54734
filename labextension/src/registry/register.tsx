import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import type { ILoggedModel, IVersionRow } from '../api/registry';
import { RegistryClient } from '../api/registry';
import { formatBytes } from '../components';
import { NameField, askForm } from '../form-dialog';
import type { IFormProps } from '../form-dialog';
import type { LiveProject } from '../state/live';
import { TOLD } from '../commands';
import { asRequestError } from '../state/resource';

/** What a person decided to register. */
export interface IRegisterChoice {
  name: string;
  logged: string;
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
    return await askForm<IRegisterChoice, { name: string; version: IVersionRow }>({
      title: trans.__('Register a model version'),
      accept: trans.__('Register'),
      initial: {
        name: logged[0].registered[0]?.model ?? names[0] ?? '',
        logged: logged[0].id
      },
      form: props => <RegisterForm {...props} logged={logged} names={names} trans={trans} />,
      act: async choice => {
        const name = choice.name.trim();
        const version = await client.register(run, { name, logged_model: choice.logged });
        live.reload(); // An unwatched project announces nothing.
        return { name, version };
      },
      trans
    });
  } catch (error) {
    Notification.error(
      trans.__('The run cannot be registered: %1', asRequestError(error).message),
      TOLD
    );
    return null;
  }
}

/** The dialog's content: under which name, and which of the run's models. */
export function RegisterForm(
  props: IFormProps<IRegisterChoice> & {
    /** What the run has logged: one, or several to choose from. */
    logged: readonly ILoggedModel[];
    /** The models that there are. */
    names: readonly string[];
    trans: TranslationBundle;
  }
): ReactElement {
  const { value: choice, change, logged, names, trans } = props;
  const chosen = logged.find(one => one.id === choice.logged) ?? logged[0];
  const next = names.includes(choice.name.trim());
  return (
    <>
      <NameField
        label={trans.__('Name')}
        names={names}
        value={choice.name}
        placeholder={trans.__('flight-delay')}
        onChange={name => change({ name })}
      />
      {logged.length > 1 && (
        <label className="jp-MlopsLab-field">
          <span>{trans.__('Model')}</span>
          <select value={choice.logged} onChange={event => change({ logged: event.target.value })}>
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
    </>
  );
}
