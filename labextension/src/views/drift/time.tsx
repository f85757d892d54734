import { useCallback, useMemo, useRef, useState } from 'react';
import type { PointerEvent, ReactElement } from 'react';
import { Block } from '../../components/block';
import { formatCount } from '../../components/format';
import { Icon } from '../../components/icon';
import { useWidth } from '../hooks';
import { useText } from '../text';
import { useDraft, useHover } from './brush';
import { useShown } from './context';
import { at, limitOf, place, rangeText, titled } from './facts';
import type { IRange } from './facts';
import { briefly } from './head';
import { useHost } from './host';
import { Lane } from './lane';
import { MatrixLegend } from './legend';
import { Matrix, MatrixTip } from './matrix';
import type { IPlotted } from './metrics';
import { plottable } from './metrics';
import { chunkAt, edge, middle, scaleOf, ticksOf } from './scale';
import type { IScale } from './scale';
import type { IColumn } from './state';
import { PlotTip, Timeline } from './timeline';

/** So many metrics are drawn at once. */
const MOST_PLOTS = 3;
/** From so many features on they can be searched. */
const MANY = 20;

/** Everything that shares the time axis: alerts, performance, features; and the brush across it. */
export function Time({ range }: { range: IRange | null }): ReactElement {
  const t = useText();
  const { evaluation, selection, columns, column, brush, select } = useShown();
  const { choose } = useHost();
  const node = useRef<HTMLDivElement>(null);
  const start = useRef<number | null>(null);
  const width = useWidth(node, 780);
  const { chunks, performance } = evaluation;
  const gutter = width < 560 ? 84 : 112;
  const scale = useMemo(
    () => scaleOf(width, chunks.length, gutter, 16),
    [width, chunks.length, gutter]
  );
  const ticks = useMemo(
    () => ticksOf(chunks, evaluation.chunking.by, scale.band),
    [chunks, evaluation.chunking.by, scale.band]
  );
  const all = useMemo(() => (performance === null ? [] : plottable(performance)), [performance]);
  const [keys, setKeys] = useState<readonly string[] | null>(null);
  const plots = useMemo(
    () => (keys === null ? all.slice(0, 2) : all.filter(({ key }) => keys.includes(key))),
    [all, keys]
  );
  const [text, setText] = useState('');
  const [unusual, setUnusual] = useState(false);
  const rows = useMemo(
    () => columns.filter(one => matches(one, text) && (!unusual || isUnusual(one))),
    [columns, text, unusual]
  );
  const onOpen = useCallback(
    (one: IColumn, chunk: number) => choose({ column: one.name, from: chunk, until: chunk }),
    [choose]
  );

  const chunkOf = (event: PointerEvent) =>
    chunkAt(scale, event.clientX - node.current!.getBoundingClientRect().left);
  const inside = (event: PointerEvent) => {
    const x = event.clientX - node.current!.getBoundingClientRect().left;
    return x >= scale.left && x <= scale.left + scale.width;
  };
  const onPointerDown = (event: PointerEvent) => {
    const control = (event.target as HTMLElement).closest('button, input, label, a, select');
    if (event.button === 0 && control === null && inside(event)) {
      start.current = chunkOf(event);
      brush.draw({ from: start.current, until: start.current });
      (event.currentTarget as HTMLElement).setPointerCapture?.(event.pointerId);
    }
  };
  const onPointerMove = (event: PointerEvent) => {
    if (start.current !== null) {
      const chunk = chunkOf(event);
      brush.draw({
        from: Math.min(start.current, chunk),
        until: Math.max(start.current, chunk)
      });
    } else if ((event.target as HTMLElement).closest('[role="grid"]') === null) {
      brush.point(inside(event) ? { chunk: chunkOf(event), row: null, y: null } : null);
    }
  };
  const end = (keep: boolean) => {
    const draft = brush.draft;
    start.current = null;
    brush.draw(null);
    if (keep && draft !== null) {
      select(draft);
    }
  };
  return (
    <div className="jp-MlopsLab-drift-time">
      {performance !== null && all.length > 0 ? (
        <Block
          title={t('Performance')}
          note={briefly(evaluation.chunking.told)}
          aside={<Metrics all={all} plots={plots} onChange={setKeys} />}
        >
          <PlotLegend plots={plots} />
        </Block>
      ) : (
        <Block title={t('Performance')}>
          <p className="jp-MlopsLab-small jp-MlopsLab-muted">
            {performance?.notes[0] ??
              (evaluation.monitor === null
                ? t(
                    'Not known: it takes a target and a score. See target= and score= of lab.drift.'
                  )
                : t('Not known: it takes target: and score: in the file of the monitor.'))}
          </p>
        </Block>
      )}
      <div
        ref={node}
        className="jp-MlopsLab-drift-axis"
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={() => end(true)}
        onPointerCancel={() => end(false)}
        onPointerLeave={() => brush.point(null)}
      >
        <div className="jp-MlopsLab-drift-brushline" aria-hidden="true" />
        <Lane scale={scale} />
        {performance !== null && plots.length > 0 && (
          <Timeline performance={performance} plots={plots} scale={scale} ticks={ticks} />
        )}
        <div className="jp-MlopsLab-drift-features">
          <h2 className="jp-MlopsLab-h2">{t('Features')}</h2>
          {columns.length > MANY && (
            <Filter
              text={text}
              unusual={unusual}
              onText={setText}
              onUnusual={setUnusual}
              found={rows.length}
            />
          )}
          <span className="jp-MlopsLab-spacer" />
          <MatrixLegend measure={selection.measure} />
        </div>
        <div className="jp-MlopsLab-drift-ticks" aria-hidden="true">
          {ticks.map(({ chunk, label }) => (
            <span key={chunk} style={{ left: edge(scale, chunk) }}>
              {label}
            </span>
          ))}
        </div>
        {rows.length === 0 ? (
          <p className="jp-MlopsLab-small jp-MlopsLab-muted">{t('No feature matches')}</p>
        ) : (
          <Matrix
            columns={rows}
            scale={scale}
            measure={selection.measure}
            shown={column?.name ?? null}
            onOpen={onOpen}
          />
        )}
        <Promotions scale={scale} />
        <BrushLayer scale={scale} range={range} />
        <Tip scale={scale} rows={rows} plots={plots} width={width} />
      </div>
    </div>
  );
}

/** Where another version took over: what is compared with changes there. */
function Promotions({ scale }: { scale: IScale }): ReactElement {
  const { evaluation } = useShown();
  return (
    <>
      {evaluation.events
        .filter(event => event.kind === 'promotion')
        .flatMap(event => place(evaluation, event.chunk) ?? [])
        .map(chunk => (
          <div
            key={chunk}
            className="jp-MlopsLab-drift-promotion"
            style={{ left: edge(scale, chunk) }}
          />
        ))}
    </>
  );
}

/** The brushed range across everything, and the line of the pointer. */
function BrushLayer(props: { scale: IScale; range: IRange | null }): ReactElement {
  const { scale } = props;
  const t = useText();
  const { evaluation, brush, select } = useShown();
  const draft = useDraft(brush);
  const hover = useHover(brush);
  const range = draft ?? props.range;
  return (
    <>
      {range !== null && (
        <div
          className="jp-MlopsLab-drift-brush"
          style={{
            left: edge(scale, range.from),
            width: Math.max(2, scale.band * (range.until - range.from + 1))
          }}
        >
          <span className={labelSide(scale, range)}>
            {rangeText(evaluation, range, t)}
            {draft === null && (
              <button
                type="button"
                className="jp-MlopsLab-icon-button"
                aria-label={t('Show all chunks')}
                title={t('Show all chunks (Esc)')}
                onClick={() => select(null)}
              >
                <Icon name="close" size={12} />
              </button>
            )}
          </span>
        </div>
      )}
      {hover !== null && (
        <div className="jp-MlopsLab-drift-cursor" style={{ left: middle(scale, hover.chunk) }} />
      )}
    </>
  );
}

/** Room that the name of a range takes. */
const LABEL = 210;

/** Where the name of a range stands: beside it where there is room, else inside. */
function labelSide(scale: IScale, { from, until }: IRange): string {
  if (scale.left + scale.width - edge(scale, until + 1) >= LABEL) {
    return '';
  }
  return edge(scale, from) >= LABEL ? 'jp-mod-left' : 'jp-mod-inside';
}

/** What the pointer is on. */
function Tip(props: {
  scale: IScale;
  rows: readonly IColumn[];
  plots: readonly IPlotted[];
  width: number;
}): ReactElement | null {
  const { scale, rows, plots, width } = props;
  const t = useText();
  const { evaluation, selection, brush } = useShown();
  const hover = useHover(brush);
  const draft = useDraft(brush);
  if (hover === null || draft !== null || evaluation.chunks[hover.chunk] === undefined) {
    return null;
  }
  const chunk = evaluation.chunks[hover.chunk];
  const x = middle(scale, hover.chunk);
  const style =
    x > width / 2 ? { right: width - x + scale.band / 2 + 6 } : { left: x + scale.band / 2 + 6 };
  const said = {
    complete: '',
    partial: t('not complete'),
    small: t('few rows'),
    quality_only: t('few rows')
  };
  return (
    <div
      className="jp-MlopsLab-drift-tip"
      style={hover.y === null ? style : { ...style, top: hover.y + 4 }}
      aria-hidden="true"
    >
      <div className="jp-MlopsLab-muted">
        {[chunk.label, t('%1 rows', formatCount(chunk.rows)), said[chunk.state]]
          .filter(part => part !== '')
          .join(', ')}
        {chunk.version !== null && `, ${t('model %1', chunk.version)}`}
      </div>
      {hover.row !== null ? (
        <MatrixTip columns={rows} measure={selection.measure} row={hover.row} chunk={hover.chunk} />
      ) : (
        evaluation.performance !== null && (
          <PlotTip performance={evaluation.performance} plots={plots} chunk={hover.chunk} />
        )
      )}
    </div>
  );
}

/** Which metrics are drawn. */
function Metrics(props: {
  all: readonly IPlotted[];
  plots: readonly IPlotted[];
  onChange: (keys: readonly string[]) => void;
}): ReactElement | null {
  const { all, plots, onChange } = props;
  const t = useText();
  const chosen = plots.map(({ key }) => key);
  if (all.length < 2) {
    return null;
  }
  return (
    <span className="jp-MlopsLab-drift-metrics" role="group" aria-label={t('Metrics')}>
      {all.map(({ key, metric }) => (
        <button
          key={key}
          type="button"
          aria-pressed={chosen.includes(key)}
          onClick={() =>
            onChange(
              chosen.includes(key)
                ? chosen.length > 1
                  ? chosen.filter(one => one !== key)
                  : chosen
                : [...chosen, key].slice(-MOST_PLOTS)
            )
          }
        >
          {titled(metric.label)}
        </button>
      ))}
    </span>
  );
}

function PlotLegend({ plots }: { plots: readonly IPlotted[] }): ReactElement {
  const t = useText();
  const { evaluation } = useShown();
  const { performance } = evaluation;
  const cbpe = plots.some(({ metric }) =>
    metric.estimated.some((_, i) => at(metric.estimated, i) !== null)
  );
  const score = plots.some(
    ({ metric, estimated }) => estimated !== metric.estimated && estimated.length > 0
  );
  const natural = plots.some(({ metric }) => metric.natural !== null);
  const late = performance?.mature.includes(false) ?? false;
  return (
    <div className="jp-MlopsLab-drift-legend">
      <span>
        <i className="jp-mod-realised" />
        {t('realised, with its 95 % interval')}
      </span>
      {cbpe && (
        <span>
          <i className="jp-mod-expected" />
          {t('expected by CBPE: assumes no concept change')}
        </span>
      )}
      {score && (
        <span>
          <i className="jp-mod-expected" />
          {t('predicted')}
        </span>
      )}
      {natural && (
        <span>
          <i className="jp-mod-natural" />
          {t('natural range')}
        </span>
      )}
      {late && (
        <span>
          <i className="jp-mod-hatched" />
          {t('labels not complete')}
        </span>
      )}
    </div>
  );
}

function Filter(props: {
  text: string;
  unusual: boolean;
  found: number;
  onText: (text: string) => void;
  onUnusual: (unusual: boolean) => void;
}): ReactElement {
  const { text, unusual, found, onText, onUnusual } = props;
  const t = useText();
  return (
    <>
      <input
        type="search"
        className="jp-MlopsLab-drift-search"
        value={text}
        placeholder={t('Search features')}
        aria-label={t('Search features by name')}
        spellCheck={false}
        data-search
        onChange={event => onText(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape' && text !== '') {
            event.stopPropagation();
            onText('');
          }
        }}
      />
      <label className="jp-MlopsLab-drift-check">
        <input
          type="checkbox"
          checked={unusual}
          onChange={event => onUnusual(event.target.checked)}
        />
        {t('only above the natural range')}
      </label>
      <span className="jp-MlopsLab-micro jp-MlopsLab-muted" role="status">
        {(text !== '' || unusual) && t('%1 found', found)}
      </span>
    </>
  );
}

function matches(column: IColumn, text: string): boolean {
  return column.name.toLowerCase().includes(text.trim().toLowerCase());
}

/** Whether a chunk of it is above what is natural. */
export function isUnusual(column: IColumn): boolean {
  const limit = limitOf(column, 'effect');
  return (
    /[wa]/.test(column.states) || column.effect.some((_, i) => (at(column.effect, i) ?? 0) > limit)
  );
}
