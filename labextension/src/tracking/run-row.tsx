import { memo, useEffect, useRef, useState } from 'react';
import type { MouseEvent, ReactElement } from 'react';
import type { IRunRow } from '../api/types';
import { Age, Elapsed, Icon, Skeleton, Sparkline, StatusGlyph, formatValue } from '../components';

export const ROW_HEIGHT = 44;

/** What a row asks for. */
export interface IRowActions {
  open(id: string): void;
  select(id: string, how: 'toggle' | 'range'): void;
  focus(id: string): void;
  star(id: string, starred: boolean): void;
}

export interface IRunRowProps {
  run: IRunRow;
  index: number;
  /** Whether it has the keyboard (roving tabindex). */
  focused: boolean;
  selected: boolean;
  /** Whether any row is selected: then all show checkboxes. */
  selecting: boolean;
  /** The list's goal metric, named in its title. */
  goal: string | null;
  labels: { select: string; star: string; unstar: string; more: string };
  actions: IRowActions;
}

/** A run in two lines: what it is, the most telling thing, its course, its value, its age. */
export const RunRowView = memo((props: IRunRowProps): ReactElement => {
  const { run, index, focused, selected, selecting, goal, labels, actions } = props;
  const node = useRef<HTMLDivElement>(null);
  const onClick = (event: MouseEvent): void => {
    actions.focus(run.id);
    if (event.shiftKey) {
      actions.select(run.id, 'range');
    } else if (event.ctrlKey || event.metaKey || selecting) {
      actions.select(run.id, 'toggle');
    } else {
      actions.open(run.id);
    }
  };
  const within = (event: MouseEvent, act: () => void): void => {
    event.stopPropagation();
    act();
  };
  const more = (event: MouseEvent<HTMLButtonElement>): void =>
    within(event, () => {
      const { left, bottom } = event.currentTarget.getBoundingClientRect();
      const place = { bubbles: true, cancelable: true, clientX: left, clientY: bottom };
      actions.focus(run.id);
      node.current?.dispatchEvent(new window.MouseEvent('contextmenu', place));
    });
  const classes = ['jp-MlopsLab-row', 'jp-MlopsLab-runrow'];
  if (selected) {
    classes.push('jp-mod-selected');
  }
  if (selecting) {
    classes.push('jp-mod-selecting');
  }
  if (!hasCourse(run)) {
    classes.push('jp-mod-plain');
  }
  return (
    <div
      ref={node}
      role="row"
      className={classes.join(' ')}
      style={{ top: index * ROW_HEIGHT }}
      aria-rowindex={index + 1}
      aria-selected={selected}
      tabIndex={focused ? 0 : -1}
      data-id={run.id}
      onClick={onClick}
      onContextMenu={() => actions.focus(run.id)}
      onFocus={() => actions.focus(run.id)}
    >
      <div role="gridcell" className="jp-MlopsLab-mark">
        <StatusGlyph status={run.status} outcome={run.outcome} />
        <span
          className={`jp-MlopsLab-check${selected ? ' jp-mod-checked' : ''}`}
          role="checkbox"
          aria-checked={selected}
          aria-label={labels.select}
          onClick={event => within(event, () => actions.select(run.id, 'toggle'))}
        >
          {selected && <Icon name="check" size={12} />}
        </span>
      </div>
      <div role="gridcell" className="jp-MlopsLab-what">
        <div className="jp-MlopsLab-name">
          <span className="jp-MlopsLab-ellipsis" title={run.name}>
            {run.name}
          </span>
          {run.starred && <Icon name="star" size={12} className="jp-MlopsLab-star" />}
        </div>
        <div className="jp-MlopsLab-sub jp-MlopsLab-ellipsis" title={run.reason ?? run.subline}>
          {run.subline}
        </div>
      </div>
      <div role="gridcell" className="jp-MlopsLab-course">
        <RowSparkline run={run} />
        <div className="jp-MlopsLab-row-actions">
          <button
            type="button"
            tabIndex={-1}
            className="jp-MlopsLab-icon-button"
            title={run.starred ? labels.unstar : labels.star}
            aria-label={run.starred ? labels.unstar : labels.star}
            aria-pressed={run.starred}
            onClick={event => within(event, () => actions.star(run.id, !run.starred))}
          >
            <Icon name="star" size={14} className={run.starred ? 'jp-MlopsLab-star' : ''} />
          </button>
          <button
            type="button"
            tabIndex={-1}
            className="jp-MlopsLab-icon-button"
            title={labels.more}
            aria-label={labels.more}
            aria-haspopup="menu"
            onClick={more}
          >
            <Icon name="more" size={14} />
          </button>
        </div>
      </div>
      <div role="gridcell">
        <RowValue run={run} goal={goal} />
        <div className="jp-MlopsLab-age">
          {run.status === 'running' ? (
            <Elapsed since={run.started_at} />
          ) : (
            <Age at={run.ended_at ?? run.started_at} />
          )}
        </div>
      </div>
    </div>
  );
});
RunRowView.displayName = 'RunRowView';

/** How much of its planned length a run has behind it. */
export function doneOf(run: IRunRow): number {
  return run.step !== null && run.planned_steps ? run.step / run.planned_steps : 1;
}

/** Whether there is a line to draw; without one the words take its room. */
function hasCourse(run: IRunRow): boolean {
  return (run.sparkline?.values.filter(Number.isFinite).length ?? 0) > 1;
}

function RowSparkline({ run }: { run: IRunRow }): ReactElement | null {
  if (run.sparkline === null) {
    return null;
  }
  const live = run.status === 'running';
  return (
    <Sparkline
      values={run.sparkline.values}
      done={doneOf(run)}
      className={live ? 'jp-MlopsLab-series-1' : 'jp-MlopsLab-muted'}
    />
  );
}

function RowValue({ run, goal }: { run: IRunRow; goal: string | null }): ReactElement {
  const metric = run.metric;
  const flashing = useFlash(metric?.value ?? null);
  if (metric === null) {
    return <div className="jp-MlopsLab-val">–</div>;
  }
  const other = goal !== null && metric.key !== goal;
  return (
    <div
      className={`jp-MlopsLab-val${flashing ? ' jp-mod-new' : ''}`}
      title={`${metric.key} ${metric.value}`}
    >
      {other && <span className="jp-MlopsLab-micro jp-MlopsLab-muted">{metric.key} </span>}
      {formatValue(metric.value)}
    </div>
  );
}

/** True for 600 ms after the value has changed. */
function useFlash(value: number | null): boolean {
  const last = useRef(value);
  const [flashing, setFlashing] = useState(false);
  useEffect(() => {
    if (Object.is(last.current, value)) {
      return;
    }
    last.current = value;
    setFlashing(true);
    const timer = window.setTimeout(() => setFlashing(false), 600);
    return () => window.clearTimeout(timer);
  }, [value]);
  return flashing;
}

const WIDTHS = [
  [64, 92],
  [88, 70],
  [52, 84],
  [72, 60],
  [60, 78]
];

/** A row whose page is on its way, in the final geometry. */
export function RowSkeleton({ index, top }: { index: number; top?: number }): ReactElement {
  const [name, sub] = WIDTHS[index % WIDTHS.length];
  return (
    <div
      className={`jp-MlopsLab-row${top === undefined ? '' : ' jp-MlopsLab-runrow'}`}
      style={{ top }}
      aria-hidden
    >
      <Skeleton width={8} height={8} round />
      <div className="jp-MlopsLab-stack">
        <Skeleton width={name} height={10} />
        <Skeleton width={sub} height={8} />
      </div>
      <Skeleton width={56} height={8} />
      <div className="jp-MlopsLab-stack jp-mod-end">
        <Skeleton width={36} height={10} />
        <Skeleton width={28} height={8} />
      </div>
    </div>
  );
}
