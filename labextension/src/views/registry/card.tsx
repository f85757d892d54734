import { useState } from 'react';
import type { ReactElement } from 'react';
import { Block } from '../../components/block';
import { useText } from '../text';
import { useHost } from './host';
import { Markdown } from './markdown';
import type { ICard } from './state';

/** The model card: made of the facts, with the parts that only a person can write. */
export function ModelCard(props: { model: string; version: number; card: ICard }): ReactElement {
  const { model, version, card } = props;
  const t = useText();
  const { may } = useHost();
  const [editing, setEditing] = useState(false);
  const editable = may('models:edit') && Object.keys(card.sections).length > 0;
  return (
    <Block
      title={t('Model card')}
      note={t('of version %1; what people wrote stays for the next', version)}
      aside={
        editable &&
        !editing && (
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-small"
            onClick={() => setEditing(true)}
          >
            {t('Edit…')}
          </button>
        )
      }
    >
      {editing && editable ? (
        <Edit model={model} sections={card.sections} onDone={() => setEditing(false)} />
      ) : (
        <Markdown text={card.markdown} />
      )}
    </Block>
  );
}

function Edit(props: {
  model: string;
  sections: ICard['sections'];
  onDone: () => void;
}): ReactElement {
  const { model, sections, onDone } = props;
  const t = useText();
  const { ask } = useHost();
  const [texts, setTexts] = useState<Record<string, string>>({ ...sections });
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    const answer = await ask({ verb: 'card', model, sections: texts });
    setBusy(false);
    setProblem(answer.ok ? '' : answer.sentence);
    if (answer.ok) {
      onDone();
    }
  };
  return (
    <form
      className="jp-MlopsLab-reg-form"
      onSubmit={event => {
        event.preventDefault();
        void save();
      }}
    >
      {Object.keys(sections).map(name => (
        <label key={name}>
          {sectionTitle(name)}
          <textarea
            className="jp-MlopsLab-reg-text"
            rows={4}
            value={texts[name]}
            onChange={event => setTexts({ ...texts, [name]: event.target.value })}
          />
        </label>
      ))}
      {problem !== '' && (
        <p className="jp-MlopsLab-reg-wrong" role="alert">
          {problem}
        </p>
      )}
      <div className="jp-MlopsLab-row-flex">
        <button
          type="submit"
          className="jp-MlopsLab-button jp-mod-small jp-mod-accept"
          disabled={busy}
        >
          {t('Save the card')}
        </button>
        <button
          type="button"
          className="jp-MlopsLab-button jp-mod-small jp-mod-quiet"
          onClick={onDone}
        >
          {t('Cancel')}
        </button>
      </div>
    </form>
  );
}

/** `intended_use` as people read it. */
export function sectionTitle(name: string): string {
  const words = name.replace(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
