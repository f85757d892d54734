import { useSyncExternalStore } from 'react';
import type { IRange } from './facts';

/** What the pointer or the keyboard points at; `row` is a row of the matrix. */
export interface IHover {
  chunk: number;
  row: number | null;
  /** Below the row, from the top of the time axis; null: there is none. */
  y: number | null;
}

/**
 * What changes with every move of the pointer: kept apart from the state, so that neither the host
 * nor what does not follow the pointer hears of it.
 */
export class Brush {
  /** The range while it is drawn; null: nobody draws. */
  get draft(): IRange | null {
    return this._draft;
  }

  get hover(): IHover | null {
    return this._hover;
  }

  draw(draft: IRange | null): void {
    if (this._draft?.from !== draft?.from || this._draft?.until !== draft?.until) {
      this._draft = draft;
      this._tell();
    }
  }

  point(hover: IHover | null): void {
    if (this._hover?.chunk !== hover?.chunk || this._hover?.row !== hover?.row) {
      this._hover = hover;
      this._tell();
    }
  }

  subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  private _tell(): void {
    this._listeners.forEach(listener => listener());
  }

  private _draft: IRange | null = null;
  private _hover: IHover | null = null;
  private _listeners = new Set<() => void>();
}

export function useDraft(brush: Brush): IRange | null {
  return useSyncExternalStore(brush.subscribe, () => brush.draft);
}

export function useHover(brush: Brush): IHover | null {
  return useSyncExternalStore(brush.subscribe, () => brush.hover);
}

/** The range after a key: `[` `]` move it, Shift with an arrow widens it; undefined: another key. */
export function rangeAfter(
  key: string,
  shift: boolean,
  range: IRange | null,
  chunks: number
): IRange | undefined {
  const last = chunks - 1;
  if (last < 0) {
    return undefined;
  }
  if (key === '[' || key === ']') {
    if (range === null) {
      return { from: last, until: last };
    }
    const by = key === '[' ? Math.max(-1, -range.from) : Math.min(1, last - range.until);
    return { from: range.from + by, until: range.until + by };
  }
  if (shift && (key === 'ArrowLeft' || key === 'ArrowRight')) {
    if (range === null) {
      return { from: last, until: last };
    }
    return key === 'ArrowLeft'
      ? { from: Math.max(0, range.from - 1), until: range.until }
      : { from: range.from, until: Math.min(last, range.until + 1) };
  }
  return undefined;
}
