import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { useId, useState } from 'react';
import type { ReactElement } from 'react';
import { DialogBody } from './dialog-body';
import { asRequestError } from './state/resource';

/** What a form is drawn from. */
export interface IFormProps<T> {
  value: T;
  change: (next: Partial<T>) => void;
}

export interface IFormDialog<T extends object, R> {
  title: string;
  /** The word on the button. */
  accept: string;
  /** What to begin with. */
  initial: T;
  form: (props: IFormProps<T>) => ReactElement;
  /** Do what was decided. */
  act: (value: T) => Promise<R>;
  trans: TranslationBundle;
}

/**
 * Ask in a dialog until what was decided is done, or the person gives up: then null.
 *
 * Where it is refused, what was typed stays, and the reason stands below it.
 */
export async function askForm<T extends object, R>(options: IFormDialog<T, R>): Promise<R | null> {
  const { title, accept, form, act, trans } = options;
  let { initial } = options;
  let problem: string | null = null;
  for (;;) {
    const { button, value }: Dialog.IResult<T> = await showDialog({
      title,
      body: new FormBody(initial, problem, form),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: accept })],
      focusNodeSelector: 'input'
    });
    if (!button.accept || value === null) {
      return null;
    }
    try {
      return await act(value);
    } catch (error) {
      problem = asRequestError(error).message || trans.__('That did not work.');
      initial = value;
    }
  }
}

class FormBody<T extends object> extends DialogBody implements Dialog.IBodyWidget<T> {
  constructor(
    private _value: T,
    private _problem: string | null,
    private _form: (props: IFormProps<T>) => ReactElement
  ) {
    super();
    this.addClass('jp-MlopsLab-root');
    this.addClass('jp-MlopsLab-dialog-body');
  }

  getValue(): T {
    return this._value;
  }

  protected render(): ReactElement {
    return (
      <Form
        initial={this._value}
        problem={this._problem}
        form={this._form}
        onChange={value => {
          this._value = value;
        }}
      />
    );
  }
}

/** The dialog's content: the form, and below it why the last try was refused. */
export function Form<T extends object>(props: {
  initial: T;
  problem: string | null;
  form: (props: IFormProps<T>) => ReactElement;
  onChange: (value: T) => void;
}): ReactElement {
  const { initial, problem, form, onChange } = props;
  const [value, setValue] = useState(initial);
  const change = (next: Partial<T>): void => {
    setValue({ ...value, ...next });
    onChange({ ...value, ...next });
  };
  return (
    <>
      {form({ value, change })}
      {problem !== null && (
        <p className="jp-MlopsLab-reason jp-mod-bad" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}

/** A name to type, or to choose among those that there are. */
export function NameField(props: {
  label: string;
  value: string;
  names: readonly string[];
  placeholder?: string;
  onChange: (value: string) => void;
}): ReactElement {
  const { label, value, names, placeholder, onChange } = props;
  const known = useId();
  return (
    <label className="jp-MlopsLab-field">
      <span>{label}</span>
      <input
        type="text"
        className="jp-mod-styled"
        list={known}
        spellCheck={false}
        value={value}
        placeholder={placeholder}
        onChange={event => onChange(event.target.value)}
      />
      <datalist id={known}>
        {names.map(name => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  );
}
