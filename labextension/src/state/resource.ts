import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { RequestError } from '../api/request';
import type { IVisibility } from './visibility';

/** The first wait after a failed load; it doubles up to RETRY_MAX_MS. */
const RETRY_MS = 2_000;
const RETRY_MAX_MS = 30_000;

export interface IResourceOptions<T> {
  load: () => Promise<T>;
  visibility: IVisibility;
  /** Whether anybody looks at it from the start; see `active`. */
  active?: boolean;
}

/**
 * A value of the server as it was last seen, with its error and its age.
 *
 * Old data stays while it is read again and when that fails. It is read when somebody looks (`active`
 * and the page visible) and it is out of date (`invalidate`); an invalidation during a load makes one
 * more load, however many there were. After an error that may pass, it asks again by itself.
 */
export class Resource<T> implements IDisposable {
  constructor(private _options: IResourceOptions<T>) {
    this._active = _options.active ?? true;
    _options.visibility.changed.connect(this._run, this);
    void this._run();
  }

  /** The last value that came; null before the first. */
  get value(): T | null {
    return this._value;
  }

  /** Why the last load failed; null when it did not. */
  get error(): RequestError | null {
    return this._error;
  }

  /** When `value` came, in ms since the epoch. */
  get loadedAt(): number | null {
    return this._loadedAt;
  }

  /** Whether a load is under way. */
  get loading(): boolean {
    return this._loading !== null;
  }

  /** Emitted when value, error or loading have changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Whether somebody looks. While nobody does, changes are only noted. */
  get active(): boolean {
    return this._active;
  }
  set active(active: boolean) {
    if (active !== this._active) {
      this._active = active;
      void this._run();
    }
  }

  /** Note that the value is out of date; it is read again as soon as somebody looks. */
  invalidate(): void {
    this._stale = true;
    void this._run();
  }

  /** Read it now, whoever looks; resolves when it has come or failed. */
  async refresh(): Promise<void> {
    this._stale = true;
    await (this._loading ?? Promise.resolve());
    if (this._stale && !this.isDisposed) {
      await this._start();
    }
  }

  /** Replace the value by what a command answered, without a request. */
  set(value: T): void {
    this._accept(value);
    this._changed.emit();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      window.clearTimeout(this._timer);
      this._options.visibility.changed.disconnect(this._run, this);
      Signal.clearData(this);
    }
  }

  private async _run(): Promise<void> {
    while (this._stale && this._active && this._options.visibility.visible && !this._isDisposed) {
      if (this._loading !== null) {
        return; // The load under way comes back here.
      }
      await this._start();
      if (this._error !== null) {
        return; // The timer, or a person, tries again.
      }
    }
  }

  private _start(): Promise<void> {
    window.clearTimeout(this._timer);
    this._stale = false;
    this._loading = this._load().finally(() => {
      this._loading = null;
      if (!this._isDisposed) {
        this._changed.emit();
        if (this._stale) {
          void this._run();
        }
      }
    });
    this._changed.emit();
    return this._loading;
  }

  private async _load(): Promise<void> {
    try {
      this._accept(await this._options.load());
    } catch (error) {
      this._error = asRequestError(error);
      if (this._error.transient && !this._isDisposed) {
        this._retry();
      }
    }
  }

  private _accept(value: T): void {
    this._value = value;
    this._error = null;
    this._loadedAt = Date.now();
    this._wait = RETRY_MS;
  }

  private _retry(): void {
    this._timer = window.setTimeout(() => this.invalidate(), this._wait);
    this._wait = Math.min(2 * this._wait, RETRY_MAX_MS);
  }

  private _value: T | null = null;
  private _error: RequestError | null = null;
  private _loadedAt: number | null = null;
  private _loading: Promise<void> | null = null;
  private _stale = true;
  private _active: boolean;
  private _isDisposed = false;
  private _timer = 0;
  private _wait = RETRY_MS;
  private _changed = new Signal<this, void>(this);
}

/** Any error as one of ours, so that a view has one kind to show. */
export function asRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  return new RequestError(-1, { title: message });
}
