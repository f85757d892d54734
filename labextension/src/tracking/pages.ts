import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { RequestError } from '../api/request';
import type { IGoal, IRunRow, IRuns } from '../api/types';
import { asRequestError } from '../state/resource';
import type { IVisibility } from '../state/visibility';

/** Rows per request: more than a screen, so that ordinary scrolling stays ahead. */
export const PAGE = 60;
/** Pages kept: what lies farther from what is shown is let go. */
const KEPT = 40;
/** From this age on an answer is called old, in seconds. */
const BEHIND_S = 5;
const RETRY_MS = 2_000;
const RETRY_MAX_MS = 30_000;

/** Where a page begins: after a cursor, or, for a jump, at an offset. */
export interface IPageStart {
  limit: number;
  cursor?: string;
  offset?: number;
}

interface IPage {
  ids: readonly string[];
  /** The order that came while the pointer held the rows in place. */
  next: readonly string[] | null;
  cursor: string | null;
  stale: boolean;
}

export interface IRunPagesOptions {
  load: (start: IPageStart) => Promise<IRuns>;
  visibility: IVisibility;
}

/**
 * A list of runs of any length, of which only the pages that are looked at are read.
 *
 * Pages follow one another by keyset cursor; a jump begins at an offset. After a change the shown
 * pages are read again at once, the others when they are looked at. While the pointer is over the
 * list rows change their values, not their places.
 */
export class RunPages implements IDisposable {
  constructor(private _options: IRunPagesOptions) {
    _options.visibility.changed.connect(this._pump, this);
  }

  /** How many rows match; null before the first answer. */
  get total(): number | null {
    return this._total;
  }

  /** How many runs the project has. */
  get all(): number {
    return this._all;
  }

  get goal(): IGoal | null {
    return this._goal;
  }

  /** Why nothing matches, where the server knows. */
  get hint(): string | null {
    return this._hint;
  }

  /** When the last answer came, less the age that the server gave it; in ms since the epoch. */
  get loadedAt(): number | null {
    return this._loadedAt;
  }

  /** Whether what is shown is older than it should be: asking failed, or the store is behind. */
  get behind(): boolean {
    return this._total !== null && (this._error !== null || this._age > BEHIND_S);
  }

  /** Why the last request failed; null when it did not. */
  get error(): RequestError | null {
    return this._error;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The row at an index; undefined while its page is not here. */
  at(index: number): IRunRow | undefined {
    const id = this._pages.get(Math.floor(index / PAGE))?.ids[index % PAGE];
    return id === undefined ? undefined : this._rows.get(id);
  }

  /** A row by its id, if its page is here. */
  find(id: string): IRunRow | undefined {
    return this._rows.get(id);
  }

  /** Where a run stands; −1 when its page is not here. */
  indexOf(id: string): number {
    for (const [number, page] of this._pages) {
      const place = page.ids.indexOf(id);
      if (place >= 0) {
        return number * PAGE + place;
      }
    }
    return -1;
  }

  /** Say which rows are shown: `first` up to and without `last`. */
  show(first: number, last: number): void {
    this._first = first;
    this._last = last;
    void this._pump();
  }

  /** Whether somebody looks; while nobody does, changes are only noted. */
  set active(active: boolean) {
    this._active = active;
    void this._pump();
  }

  /** Something changed: what is shown is read again. */
  invalidate(): void {
    this._again = true;
    this._pages.forEach(page => {
      page.stale = true;
    });
    void this._pump();
  }

  /** Hold rows in their places while the pointer is over them. */
  hold(held: boolean): void {
    this._held = held;
    if (!held) {
      let moved = false;
      this._pages.forEach(page => {
        if (page.next !== null) {
          page.ids = page.next;
          page.next = null;
          moved = true;
        }
      });
      if (moved) {
        this._changed.emit();
      }
    }
  }

  /** Take out what a command has deleted, before the server says so. */
  remove(ids: ReadonlySet<string>): void {
    let removed = 0;
    this._pages.forEach(page => {
      const rest = page.ids.filter(id => !ids.has(id));
      removed += page.ids.length - rest.length;
      page.ids = rest;
      page.next = null;
      page.stale = true;
    });
    if (removed > 0 && this._total !== null) {
      this._total -= removed;
      this._all -= removed;
      this._changed.emit();
    }
  }

  /** Replace a row by what a command answered; its sparkline is kept if the answer has none. */
  put(row: IRunRow): void {
    const old = this._rows.get(row.id);
    if (old !== undefined) {
      this._rows.set(row.id, { ...row, sparkline: row.sparkline ?? old.sparkline });
      this._changed.emit();
    }
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    this._options.visibility.changed.disconnect(this._pump, this);
    Signal.clearData(this);
  }

  /** Read, one after another, what is shown and missing or out of date. */
  private async _pump(): Promise<void> {
    if (this._busy) {
      return;
    }
    this._busy = true;
    try {
      let number = this._wanted();
      while (number !== null) {
        window.clearTimeout(this._timer);
        try {
          this._accept(number, await this._options.load(this._start(number)));
        } catch (error) {
          if (!this._isDisposed) {
            this._fail(asRequestError(error));
          }
          return;
        }
        number = this._wanted();
      }
    } finally {
      this._busy = false;
    }
  }

  private _wanted(): number | null {
    if (!this._active || this._isDisposed || !this._options.visibility.visible) {
      return null;
    }
    const end = this._total ?? 1;
    const last = Math.max(0, Math.ceil(Math.min(this._last, end) / PAGE) - 1);
    const first = Math.min(last, Math.floor(this._first / PAGE));
    for (let number = first; number <= last; number += 1) {
      const page = this._pages.get(number);
      if (page === undefined ? number === 0 || number * PAGE < end : page.stale) {
        return number;
      }
    }
    if (this._again) {
      this._again = false;
      return first; // An empty list has no page that could be out of date.
    }
    return null;
  }

  private _start(number: number): IPageStart {
    const page = this._pages.get(number);
    if (page !== undefined) {
      page.stale = false; // What changes from here on makes it stale again.
    }
    this._again = false;
    if (number === 0) {
      return { limit: PAGE };
    }
    const before = this._pages.get(number - 1);
    return before !== undefined && before.cursor !== null && !before.stale
      ? { limit: PAGE, cursor: before.cursor }
      : { limit: PAGE, offset: number * PAGE };
  }

  private _accept(number: number, answer: IRuns): void {
    if (this._isDisposed) {
      return;
    }
    const old = this._pages.get(number);
    const ids = answer.runs.map(run => run.id);
    answer.runs.forEach(run => this._rows.set(run.id, run));
    if (answer.total !== this._total) {
      this._shift(answer.total);
    }
    const held = this._held && old !== undefined && ids.join() !== old.ids.join();
    this._pages.set(number, {
      ids: held ? old.ids : ids,
      next: held ? ids : null,
      cursor: answer.next_cursor,
      stale: old?.stale ?? false
    });
    this._all = answer.all;
    this._goal = answer.goal;
    this._hint = answer.hint;
    this._age = answer.age_s;
    this._loadedAt = Date.now() - 1000 * answer.age_s;
    this._error = null;
    this._wait = RETRY_MS;
    this._trim();
    this._changed.emit();
  }

  /** The list has grown or shrunk: what is behind the end goes, the rest is out of date. */
  private _shift(total: number): void {
    const grown = this._total !== null;
    this._total = total;
    for (const [number, page] of this._pages) {
      if (number * PAGE >= total) {
        this._pages.delete(number);
      } else if (grown) {
        page.stale =
          number * PAGE >= this._last || (number + 1) * PAGE <= this._first || page.stale;
      }
    }
  }

  private _trim(): void {
    if (this._pages.size > KEPT) {
      const middle = Math.floor((this._first + this._last) / 2 / PAGE);
      const far = (number: number): number => Math.abs(number - middle);
      const numbers = [...this._pages.keys()].sort((a, b) => far(b) - far(a));
      numbers.slice(0, this._pages.size - KEPT).forEach(number => {
        this._pages.get(number)?.ids.forEach(id => this._rows.delete(id));
        this._pages.delete(number);
      });
    }
  }

  private _fail(error: RequestError): void {
    this._error = error;
    if (error.transient) {
      this._timer = window.setTimeout(() => this.invalidate(), this._wait);
      this._wait = Math.min(2 * this._wait, RETRY_MAX_MS);
    }
    this._changed.emit();
  }

  private _pages = new Map<number, IPage>();
  private _rows = new Map<string, IRunRow>();
  private _total: number | null = null;
  private _all = 0;
  private _goal: IGoal | null = null;
  private _hint: string | null = null;
  private _loadedAt: number | null = null;
  private _age = 0;
  private _error: RequestError | null = null;
  private _first = 0;
  private _last = 1;
  private _active = true;
  private _held = false;
  private _again = true;
  private _busy = false;
  private _timer = 0;
  private _wait = RETRY_MS;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}
