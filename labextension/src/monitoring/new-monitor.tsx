import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import { DataClient } from '../api/data';
import { MonitoringClient } from '../api/monitoring';
import { RegistryClient } from '../api/registry';
import { CommandIDs, TOLD } from '../commands';
import { NameField, askForm } from '../form-dialog';
import type { IFormProps } from '../form-dialog';
import type { LiveProject } from '../state/live';
import type { IProjectModel } from '../tokens';
import { SCHEDULES, draftYaml, references } from './draft';
import type { IDraft, IKnown } from './draft';

/** So many models are asked whether they could have answered the rows. */
const ASKED = 10;

/** *New monitor…*: write `monitors/NAME.yaml` from what is known of a dataset, and open it. */
export async function newMonitor(
  app: JupyterFrontEnd,
  projects: IProjectModel,
  key: string,
  dataset: string,
  trans: TranslationBundle
): Promise<void> {
  const live = projects.of(key);
  const project = [projects.project, ...projects.projects].find(one => one?.key === key);
  const folder = project?.path ?? null;
  if (folder === null) {
    const where = project?.directory ?? key;
    Notification.info(
      trans.__(
        '%1 is outside of the folder that JupyterLab shows: no file can be made there.',
        where
      ),
      TOLD
    );
    return;
  }
  const [known, { monitors }] = await Promise.all([
    read(live, dataset),
    new MonitoringClient(live.client).monitors()
  ]);
  const names = monitors.map(({ name }) => name);
  const path = await askForm<IDraft, string>({
    title: trans.__('New monitor of %1', dataset),
    accept: trans.__('Write the file'),
    initial: {
      name: names.includes(dataset) ? '' : fileName(dataset),
      reference: references(known)[0],
      schedule: ''
    },
    form: props => <NewForm {...props} known={known} taken={names} trans={trans} />,
    act: draft => write(app.serviceManager.contents, folder, known, draft, trans),
    trans
  });
  if (path !== null) {
    live.reload();
    await app.commands.execute(CommandIDs.openSource, { project: key, path });
  }
}

/** What the project says of a dataset: its columns, its versions, the models that fit them. */
async function read(live: LiveProject, dataset: string): Promise<IKnown> {
  const data = new DataClient(live.client);
  const [{ dataset: row, versions }, { datasets }] = await Promise.all([
    data.dataset(dataset),
    data.datasets()
  ]);
  const newest = row.latest?.version ?? versions[0]?.version;
  const detail = newest === undefined ? null : await data.version(dataset, newest);
  const columns = detail?.profile?.columns ?? [];
  const oldest = versions.length > 1 ? versions[versions.length - 1].version : null;
  const names = columns.map(({ name }) => name);
  const others = datasets.flatMap(({ name, latest }) =>
    name === dataset || latest === null || latest.rows === null ? [] : [`${name}@${latest.version}`]
  );
  return { dataset, oldest, others, columns, models: await modelsFor(live, names) };
}

async function modelsFor(live: LiveProject, columns: readonly string[]): Promise<IKnown['models']> {
  const client = new RegistryClient(live.client);
  const { models } = await client.models();
  const found = await Promise.all(
    models.slice(0, ASKED).map(async ({ name, aliases, latest }) => {
      const alias = aliases.find(one => one.alias === 'champion') ?? aliases[0];
      const version = alias?.version ?? latest;
      if (version === null) {
        return [];
      }
      const { signature } = await client.version(name, version);
      const fields = {
        inputs: signature?.inputs.map(field => field.name) ?? [],
        outputs: signature?.outputs.map(field => field.name) ?? []
      };
      const fits = fields.inputs.length > 0 && fields.inputs.every(one => columns.includes(one));
      return fits ? [{ ref: `${name}@${alias?.alias ?? version}`, fields }] : [];
    })
  );
  return found.flat();
}

/** Write the file where none is yet; its path inside the project. */
async function write(
  contents: Contents.IManager,
  folder: string,
  known: IKnown,
  draft: IDraft,
  trans: TranslationBundle
): Promise<string> {
  const name = draft.name.trim();
  if (!/^[\p{L}\p{N}_][\p{L}\p{N}._-]*$/u.test(name)) {
    throw new Error(
      name === ''
        ? trans.__('A monitor needs a name.')
        : trans.__(
            '%1 is no name: it has letters, digits and . _ - and begins with a letter or digit.',
            name
          )
    );
  }
  const path = `monitors/${name}.yaml`;
  const place = PathExt.join(folder, path);
  if (await exists(contents, place)) {
    throw new Error(trans.__('%1 is there already: choose another name.', path));
  }
  const parent = PathExt.dirname(place);
  if (!(await exists(contents, parent))) {
    await contents.save(parent, { type: 'directory' });
  }
  const content = draftYaml(known, { ...draft, name });
  await contents.save(place, { type: 'file', format: 'text', content });
  return path;
}

async function exists(contents: Contents.IManager, path: string): Promise<boolean> {
  try {
    await contents.get(path, { content: false });
    return true;
  } catch (error) {
    if ((error as { response?: Response }).response?.status === 404) {
      return false;
    }
    throw error;
  }
}

/** A dataset's name as one of a file. */
function fileName(dataset: string): string {
  return dataset.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[^\p{L}\p{N}_]+|-+$/gu, '');
}

/** The dialog's content: the name, with what it is compared, and when. */
export function NewForm(
  props: IFormProps<IDraft> & {
    known: IKnown;
    taken: readonly string[];
    trans: TranslationBundle;
  }
): ReactElement {
  const { value, change, known, taken, trans } = props;
  const name = value.name.trim();
  return (
    <>
      <NameField
        label={trans.__('Name')}
        names={[]}
        value={value.name}
        placeholder={trans.__('delay')}
        onChange={next => change({ name: next })}
      />
      <label className="jp-MlopsLab-field">
        <span>{trans.__('Compare with')}</span>
        <select
          value={value.reference}
          onChange={event => change({ reference: event.target.value })}
        >
          {references(known).map(one => (
            <option key={one} value={one}>
              {referenceText(one, known, trans)}
            </option>
          ))}
        </select>
      </label>
      <label className="jp-MlopsLab-field">
        <span>{trans.__('Check')}</span>
        <select value={value.schedule} onChange={event => change({ schedule: event.target.value })}>
          {SCHEDULES.map(one => (
            <option key={one} value={one}>
              {scheduleText(one, trans)}
            </option>
          ))}
        </select>
      </label>
      <p className="jp-MlopsLab-small jp-MlopsLab-muted" aria-live="polite">
        {name === ''
          ? trans.__('A monitor needs a name.')
          : taken.includes(name)
            ? trans.__('There is a monitor %1 already.', name)
            : trans.__(
                'Writes monitors/%1.yaml, and opens it: all of it can be changed there.',
                name
              )}
      </p>
    </>
  );
}

function referenceText(reference: string, known: IKnown, trans: TranslationBundle): string {
  if (reference === 'training') {
    return trans.__('what %1 was trained on', known.models[0].ref);
  }
  return reference.startsWith('rolling')
    ? trans.__('the 28 days before')
    : reference.slice('dataset:'.length);
}

function scheduleText(schedule: string, trans: TranslationBundle): string {
  switch (schedule) {
    case '':
      return trans.__('when somebody asks');
    case '0 6 * * *':
      return trans.__('every day at 6:00');
    default:
      return trans.__('every Monday at 6:00');
  }
}
