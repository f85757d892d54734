import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { useChanged } from '../state/use';
import type { RunsModel } from './model';
import type { RunPages } from './pages';
import type { IRowActions } from './run-row';
import { ROW_HEIGHT, RowSkeleton, RunRowView } from './run-row';

/** Rows drawn beyond the edges, so that a flick shows no gap. */
const OVERSCAN = 8;

export interface IRunsListProps {
  model: RunsModel;
  pages: RunPages;
  open: (id: string) => void;
  showKeys: () => void;
}

/** The rows that are in view, of a list of any length. */
export function RunsList({ model, pages, open, showKeys }: IRunsListProps): ReactElement {
  useChanged(pages);
  useChanged(model.selection);
  const grid = useRef<HTMLDivElement>(null);
  const [first, last] = useRowsInView(grid);
  const total = pages.total ?? 0;
  useEffect(() => pages.show(first, Math.max(last, 1)), [pages, first, last]);

  const { selection, trans } = model;
  const actions = useRowActions(model, pages, open);
  const labels = useMemo(
    () => ({
      select: trans.__('Select'),
      star: trans.__('Star'),
      unstar: trans.__('Remove star'),
      more: trans.__('More actions')
    }),
    [trans]
  );

  const found = selection.focused === null ? -1 : pages.indexOf(selection.focused);
  const focused = found >= 0 ? found : 0;
  const { move, wanted } = useMovement(model, pages, grid, focused);
  const release = useKeptKeyboard(grid, index => move(index, false));
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (event.key === '?') {
      event.preventDefault();
      showKeys();
    } else if (step !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      move(step(focused, total, Math.max(1, last - first - 1)), event.shiftKey);
    }
  };

  const shown = new Set<number>();
  for (let index = first - OVERSCAN; index < last + OVERSCAN; index += 1) {
    if (index >= 0 && index < total) {
      shown.add(index);
    }
  }
  if (focused < total) {
    shown.add(focused); // It keeps the keyboard while it is scrolled out of view.
  }
  const seen = new Set<string>();
  return (
    <div
      ref={grid}
      className="jp-MlopsLab-runs"
      role="grid"
      aria-label={trans.__('Runs')}
      aria-rowcount={total}
      aria-multiselectable
      onKeyDown={onKeyDown}
      onBlur={release}
      onMouseEnter={() => pages.hold(true)}
      onMouseLeave={() => pages.hold(false)}
      data-wanted={wanted ?? undefined}
    >
      <div className="jp-MlopsLab-rows" role="presentation" style={{ height: total * ROW_HEIGHT }}>
        {[...shown]
          .sort((a, b) => a - b)
          .map(index => {
            const run = pages.at(index);
            if (run === undefined || seen.has(run.id)) {
              return <RowSkeleton key={index} index={index} top={index * ROW_HEIGHT} />;
            }
            seen.add(run.id);
            return (
              <RunRowView
                key={run.id}
                run={run}
                index={index}
                focused={index === focused}
                selected={selection.ids.has(run.id)}
                selecting={selection.size > 0}
                goal={pages.goal?.key ?? null}
                labels={labels}
                actions={actions}
              />
            );
          })}
      </div>
    </div>
  );
}

/** Where each key leads from row `at` of `total`; `page` rows are in view. */
const STEPS: Record<string, (at: number, total: number, page: number) => number> = {
  ArrowDown: at => at + 1,
  j: at => at + 1,
  J: at => at + 1,
  ArrowUp: at => at - 1,
  k: at => at - 1,
  K: at => at - 1,
  PageDown: (at, _, page) => at + page,
  PageUp: (at, _, page) => at - page,
  Home: () => 0,
  End: (_, total) => total - 1
};

function useRowActions(model: RunsModel, pages: RunPages, open: (id: string) => void): IRowActions {
  return useMemo(
    () => ({
      open,
      focus: id => model.selection.focus(id),
      star: (id, starred) => void model.update(id, { starred }),
      select: (id, how) => {
        if (how === 'toggle') {
          model.selection.toggle(id);
        } else {
          model.selection.range(between(pages, model.selection.anchor ?? id, id), id);
        }
      }
    }),
    [model, pages, open]
  );
}

/** The ids from one run to another, as far as they are here. */
function between(pages: RunPages, from: string, to: string): string[] {
  const ends = [pages.indexOf(from), pages.indexOf(to)].sort((a, b) => a - b);
  const ids: string[] = [];
  for (let index = Math.max(0, ends[0]); index <= ends[1]; index += 1) {
    const run = pages.at(index);
    if (run !== undefined) {
      ids.push(run.id);
    }
  }
  return ids;
}

/** Move the keyboard's row; a row that is not here yet gets it when its page comes. */
function useMovement(
  model: RunsModel,
  pages: RunPages,
  grid: React.RefObject<HTMLDivElement | null>,
  focused: number
): { move: (index: number, extend: boolean) => void; wanted: number | null } {
  const [wanted, setWanted] = useState<number | null>(null);
  const take = useCallback(
    (index: number): boolean => {
      const run = pages.at(index);
      if (run === undefined) {
        return false;
      }
      model.selection.focus(run.id);
      return true;
    },
    [model, pages]
  );
  const move = (to: number, extend: boolean): void => {
    const index = Math.min(Math.max(0, to), (pages.total ?? 1) - 1);
    reveal(grid.current, index);
    const anchor = model.selection.anchor ?? pages.at(focused)?.id;
    if (take(index)) {
      const run = pages.at(index)!;
      if (extend && anchor !== undefined) {
        model.selection.range(between(pages, anchor, run.id), run.id);
      }
      setWanted(index);
    } else {
      setWanted(index);
    }
  };
  // After every drawing: the row's page may have come with any of them.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  useLayoutEffect(() => {
    if (wanted !== null && take(wanted)) {
      const row = grid.current?.querySelector<HTMLElement>(`[aria-rowindex="${wanted + 1}"]`);
      if (row) {
        row.focus({ preventScroll: true });
        setWanted(null);
      }
    }
  });
  return { move, wanted };
}

/** When the row that has the keyboard goes, the one that takes its place gets it. */
function useKeptKeyboard(
  grid: React.RefObject<HTMLDivElement | null>,
  move: (index: number) => void
): () => void {
  const kept = useRef<{ row: Element; index: number } | null>(null);
  // After every drawing: any of them may have removed the row.
  useLayoutEffect(() => {
    const active = document.activeElement;
    const row = grid.current?.contains(active) ? active?.closest('[aria-rowindex]') : null;
    if (row) {
      kept.current = { row, index: Number(row.getAttribute('aria-rowindex')) - 1 };
    } else if (kept.current !== null && !kept.current.row.isConnected) {
      const { index } = kept.current;
      kept.current = null;
      if (active === document.body) {
        move(index);
      }
    }
  });
  return () => {
    // A removed row loses it too: only one that is still there was left by a person.
    window.setTimeout(() => {
      if (kept.current?.row.isConnected && !grid.current?.contains(document.activeElement)) {
        kept.current = null;
      }
    });
  };
}

/** Scroll just so far that a row can be seen. */
function reveal(grid: HTMLElement | null, index: number): void {
  if (grid !== null) {
    const top = index * ROW_HEIGHT;
    if (top < grid.scrollTop) {
      grid.scrollTop = top;
    } else if (top + ROW_HEIGHT > grid.scrollTop + grid.clientHeight) {
      grid.scrollTop = top + ROW_HEIGHT - grid.clientHeight;
    }
  }
}

/** The first row in view and the one after the last, as the list scrolls and its room changes. */
function useRowsInView(grid: React.RefObject<HTMLDivElement | null>): [number, number] {
  const [range, setRange] = useState<[number, number]>([0, 20]);
  useLayoutEffect(() => {
    const node = grid.current;
    if (node === null) {
      return;
    }
    const measure = (): void => {
      const first = Math.floor(node.scrollTop / ROW_HEIGHT);
      const last = Math.ceil((node.scrollTop + node.clientHeight) / ROW_HEIGHT);
      setRange(old => (old[0] === first && old[1] === last ? old : [first, last]));
    };
    measure();
    const sized = new ResizeObserver(measure);
    sized.observe(node);
    node.addEventListener('scroll', measure, { passive: true });
    return () => {
      sized.disconnect();
      node.removeEventListener('scroll', measure);
    };
  }, [grid]);
  return range;
}
