import type { ReactElement } from 'react';
import type { ICheckResult, IDatasetVersion, ISuiteReport } from '../../api/data';
import { Badge, Block, Code, Empty, Icon, RowsTable, formatCount } from '../../components';
import { useText } from '../../views/text';
import type { Translate } from '../../views/text';
import { StateBadge } from '../state-glyph';
import { bySeverity, worstFirst } from './facts';

/** What the suites said of a version: sentences first, then the rows that they are about. */
export function Checks({ version }: { version: IDatasetVersion }): ReactElement {
  const t = useText();
  if (version.reports.length === 0) {
    return <Unchecked name={version.name} t={t} />;
  }
  return (
    <div className="jp-MlopsLab-pane">
      {worstFirst(version.reports).map(report => (
        <Report key={report.suite} report={report} />
      ))}
    </div>
  );
}

function Unchecked({ name, t }: { name: string; t: Translate }): ReactElement {
  return (
    <div className="jp-MlopsLab-pane">
      <Empty
        title={t('No suite checks this dataset')}
        text={t(
          'A suite is a file in suites/ that says what must be true of the data. This drafts one from what is there; it runs with the next commit:'
        )}
      >
        <Code>{`mlops-lab data infer ${name} > suites/${name}.yaml`}</Code>
      </Empty>
    </div>
  );
}

function Report({ report }: { report: ISuiteReport }): ReactElement {
  const t = useText();
  const checks = bySeverity(report.checks);
  const failed = checks.filter(check => check.state !== 'passed');
  const passed = checks.filter(check => check.state === 'passed');
  const note =
    failed.length === 0
      ? t('all %1 checks passed', checks.length)
      : t('%1 of %2 checks failed', failed.length, checks.length);
  return (
    <Block title={report.suite} note={note} aside={<StateBadge state={report.state} />}>
      {failed.length > 0 && <p className="jp-MlopsLab-todo">{whatToDo(report, t)}</p>}
      <ul className="jp-MlopsLab-list">
        {failed.map(check => (
          <Failed key={check.index} check={check} />
        ))}
        {passed.map(check => (
          <li key={check.index} className="jp-MlopsLab-gate jp-mod-passed">
            <Icon name="passed" label={t('passed')} />
            <span>{check.sentence}</span>
            <code>{codeOf(check)}</code>
          </li>
        ))}
      </ul>
    </Block>
  );
}

/** What follows from a report, and what a person can do about it. */
function whatToDo(report: ISuiteReport, t: Translate): string {
  const file = `suites/${report.suite}.yaml`;
  return report.state === 'blocked'
    ? t(
        'The version is kept, but it gets no alias and is not the latest. Mend the data and commit it again; or, where the rows are right, change the limit in %1.',
        file
      )
    : t(
        'The version can be used. Look at the rows before you do; a check that should stop it says severity: block in %1.',
        file
      );
}

function Failed({ check }: { check: ICheckResult }): ReactElement {
  const t = useText();
  const { sample, severity, failed } = check;
  const blocks = severity === 'block';
  return (
    <li className="jp-MlopsLab-finding">
      <div className={`jp-MlopsLab-gate jp-mod-${blocks ? 'rejected' : 'waiting'}`}>
        <Icon name={blocks ? 'rejected' : 'alert'} label={t('failed')} />
        <span className="jp-MlopsLab-strong">{check.sentence}</span>
        <span className="jp-MlopsLab-row-flex jp-MlopsLab-check-name">
          <code>{codeOf(check)}</code>
          <Badge tone={blocks ? 'bad' : 'warn'}>{blocks ? t('blocks') : t('warns')}</Badge>
        </span>
      </div>
      {sample !== null && sample.rows.length > 0 && (
        <div className="jp-MlopsLab-evidence">
          <RowsTable
            columns={sample.columns.map(name => ({ name }))}
            rows={sample.rows}
            label={t('Rows that fail %1', codeOf(check))}
            marked={check.column === null ? [] : [check.column]}
          />
          {failed > sample.rows.length && (
            <p className="jp-MlopsLab-micro jp-MlopsLab-muted">
              {t('%1 of %2 rows', sample.rows.length, formatCount(failed))}
            </p>
          )}
        </div>
      )}
    </li>
  );
}

/** `range wind_speed`: the check as the suite names it. */
function codeOf({ check, column }: ICheckResult): string {
  return column === null ? check : `${check} ${column}`;
}
