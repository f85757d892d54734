import uPlot from 'uplot';
import { resolveColor } from '../theme';
import { clock, nearest, tickLabels } from './series';
import type { IAligned, IChart } from './series';
import type { XAxis } from './state';

/** What a plot is made with; a change of any of these makes a new one. */
export interface IPlotOptions {
  chart: IChart;
  x: XAxis;
  log: boolean;
  /** Plots of one name move their cursors together. */
  sync: string;
  width: number;
  height: number;
}

/** What changes while a plot lives. */
export interface IPlotData {
  aligned: IAligned;
  /** The last step the run means to take. */
  planned: number | null;
  live: boolean;
}

/** Called with the index of the point under the cursor, or null when it left. */
export type OnCursor = (index: number | null) => void;

/** A uPlot that knows how our curves look. */
export class Plot {
  constructor(
    private _host: HTMLElement,
    private _options: IPlotOptions,
    private _data: IPlotData,
    private _onCursor: OnCursor
  ) {
    this._plot = new uPlot(this._uplotOptions(), this._columns(), _host);
  }

  /** Show other data; where the person zoomed in, the window stays. */
  update(data: IPlotData): void {
    this._data = data;
    const [min, max] = this._xRange();
    this._plot.batch(() => {
      this._plot.setData(this._columns(), false);
      if (this._zoomed) {
        this._plot.redraw(true);
      } else {
        this._plot.setScale('x', { min, max });
      }
    });
  }

  resize(width: number, height: number): void {
    this._plot.setSize({ width, height });
  }

  /** Put the cursor on a point, as the keyboard does. */
  point(index: number | null): void {
    if (index === null) {
      this._plot.setCursor({ left: -10, top: -10 });
    } else {
      const left = this._plot.valToPos(this._data.aligned.xs[index], 'x');
      this._plot.setCursor({ left, top: this._plot.bbox.height / uPlot.pxRatio / 2 });
    }
  }

  destroy(): void {
    this._plot.destroy();
  }

  private _columns(): uPlot.AlignedData {
    const { xs, ys } = this._data.aligned;
    return [xs, ...ys];
  }

  private _xRange(): [number, number] {
    const { xs } = this._data.aligned;
    const planned = this._options.x === 'step' ? this._data.planned : null;
    const max = Math.max(xs[xs.length - 1] ?? 1, planned ?? -Infinity);
    const first = xs[0] ?? 0;
    // Who logs every tenth step still began at zero.
    const min = first > 0 && first <= max / 10 ? 0 : first;
    return min < max ? [min, max] : [min - 0.5, max + 0.5];
  }

  private _uplotOptions(): uPlot.Options {
    const { chart, x, log, sync, width, height } = this._options;
    const color = (name: string) => resolveColor(this._host, `var(--mlops-${name})`);
    const font = `11px ${getComputedStyle(this._host).fontFamily || 'sans-serif'}`;
    const axis = { stroke: color('text-muted'), font, ticks: { show: false } };
    const grid = { stroke: color('grid'), width: 1 };
    this._colors = chart.lines.map(({ color: n }) => color(`series-${n}`));
    return {
      width,
      height,
      padding: [6, 12, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false, range: () => this._xRange() },
        y: log
          ? { distr: 3, log: 10, range: (_, min, max) => logRange(min, max) }
          : { range: (_, min, max) => linearRange(min, max) }
      },
      axes: [
        {
          ...axis,
          size: 22,
          gap: 6,
          space: 48,
          grid: { show: false },
          border: { show: true, stroke: color('axis'), width: 1 },
          incrs: x === 'time' ? SECONDS : WHOLE,
          values: (_, ticks) =>
            x === 'time' ? ticks.map(clock) : ticks.map(tick => tick.toLocaleString('en'))
        },
        {
          ...axis,
          gap: 6,
          space: 30,
          grid,
          size: (_, values) => labelWidth(values ?? []),
          values: (_, ticks) => tickLabels(ticks, log),
          ...(log && {
            splits: (_plot: uPlot, _axis: number, min: number, max: number) => logTicks(min, max),
            filter: (_plot: uPlot, ticks: number[]) => ticks
          })
        }
      ],
      series: [
        {},
        ...chart.lines.map((line, i) => ({
          stroke: this._colors[i],
          width: 1.75,
          dash: line.dashed ? [4, 3] : undefined,
          spanGaps: false,
          // Only what no line touches needs a dot of its own.
          points: { show: true, size: 4, fill: this._colors[i], filter: lonely }
        }))
      ],
      cursor: {
        y: false,
        points: { size: 7, width: 0 },
        drag: { x: true, y: false },
        bind: {
          dblclick: () => () => {
            this._zoomed = false;
            this.update(this._data);
            return null;
          }
        },
        sync: { key: sync, scales: ['x', null] },
        // A point is found even where another line has more of them.
        dataIdx: (plot, line, hovered) =>
          line === 0 ? hovered : (nearest(plot.data[line] as (number | null)[], hovered) ?? hovered)
      },
      hooks: {
        setSelect: [
          ({ select }) => {
            this._zoomed ||= select.width > 0;
          }
        ],
        setCursor: [plot => this._onCursor(plot.cursor.idx ?? null)],
        draw: [plot => this._decorate(plot)]
      }
    };
  }

  /** The end of a live line, and what has no place on the axis. */
  private _decorate(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    const { aligned, live } = this._data;
    ctx.save();
    if (live) {
      aligned.ys.forEach((values, i) => {
        const last = nearest(values, values.length - 1);
        if (last !== null) {
          ctx.beginPath();
          ctx.fillStyle = this._colors[i];
          const x = plot.valToPos(aligned.xs[last], 'x', true);
          const y = plot.valToPos(values[last] as number, 'y', true);
          ctx.arc(x, y, 3 * ratio, 0, 2 * Math.PI);
          ctx.fill();
        }
      });
    }
    for (const mark of aligned.marks) {
      const x = plot.valToPos(mark.x, 'x', true);
      if (x < bbox.left || x > bbox.left + bbox.width) {
        continue;
      }
      const arm = 2.5 * ratio;
      const y = mark.value === 'Infinity' ? bbox.top + arm : bbox.top + bbox.height - 2 * arm;
      ctx.beginPath();
      ctx.strokeStyle = this._colors[mark.line];
      ctx.lineWidth = 1.25 * ratio;
      ctx.moveTo(x - arm, y - arm);
      ctx.lineTo(x + arm, y + arm);
      ctx.moveTo(x + arm, y - arm);
      ctx.lineTo(x - arm, y + arm);
      ctx.stroke();
    }
    ctx.restore();
  }

  private _plot: uPlot;
  private _colors: string[] = [];
  /** Whether the person has dragged a window of their own. */
  private _zoomed = false;
}

const DECADES = Array.from({ length: 13 }, (_, power) => 10 ** power);
const WHOLE = DECADES.flatMap(size => [size, 2 * size, 5 * size]);
const SECONDS = [
  1,
  2,
  5,
  10,
  15,
  30,
  60,
  120,
  300,
  600,
  900,
  1800,
  3600,
  7200,
  14400,
  21600,
  43200,
  86400,
  ...[2, 5, 10, 20, 50, 100].map(days => 86400 * days)
];

/** Room for the longest label in 11 px tabular figures. */
function labelWidth(labels: readonly string[]): number {
  return 12 + Math.ceil(6.4 * Math.max(3, ...labels.map(label => label?.length ?? 0)));
}

/** A little air above and below; a flat line lies in the middle. */
export function linearRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) {
    return [0, 1];
  }
  const air = min === max ? Math.abs(min) * 0.1 || 1 : (max - min) * 0.08;
  return [min - air, max + air];
}

export function logRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null || min <= 0) {
    return [0.1, 1];
  }
  const air = min === max ? 2 : (max / min) ** 0.06;
  return [min / air, max * air];
}

/** Powers of ten, finer where there are few of them, evenly spread inside one of them. */
export function logTicks(min: number, max: number): number[] {
  const decades = Math.log10(max / min);
  if (decades < 1) {
    const rough = (max - min) / 4;
    const size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(n => n * size).find(n => n >= rough) ?? rough;
    const ticks: number[] = [];
    for (let n = Math.ceil(min / step); n * step <= max; n++) {
      ticks.push(n * step);
    }
    return ticks;
  }
  const every = Math.ceil(decades / 5);
  const factors = decades < 2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
    if (power % every === 0) {
      ticks.push(...factors.map(factor => factor * 10 ** power));
    }
  }
  return ticks.filter(tick => tick >= min && tick <= max);
}

/** The points that no segment reaches: their neighbours on the line are gaps. */
const lonely: uPlot.Series.Points.Filter = (plot, line) => {
  const values = plot.data[line] as (number | null | undefined)[];
  const indices = [...values.keys()].filter(index => values[index] !== undefined);
  const drawn = (place: number) => typeof values[indices[place]] === 'number';
  return indices.filter((_, i) => drawn(i) && !drawn(i - 1) && !drawn(i + 1));
};
