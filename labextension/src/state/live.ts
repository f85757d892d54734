import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { ProjectClient } from '../api/client';
import type { IChanged } from '../api/types';
import type { IVisibility } from './visibility';
import { Resource } from './resource';

/** A watch lasts 60 s on the server; a visible browser renews it twice as often. */
const WATCH_MS = 30_000;

/** What has changed: the noun (`runs`), and which of them; null: unknown, so all. */
export interface IChange {
  readonly kind: string;
  readonly ids: readonly string[] | null;
}

export interface ILiveResourceOptions<T> {
  load: (client: ProjectClient) => Promise<T>;
  /** Whether a change makes the value out of date; without it every change does. */
  concerns?: (change: IChange) => boolean;
  /** False: nobody looks yet. */
  active?: boolean;
}

/**
 * A project whose changes are followed: its client, and resources that read themselves again.
 *
 * The server announces changes while somebody watches; whoever `hold`s the project makes a visible
 * browser renew the watch.
 */
export class LiveProject implements IDisposable {
  constructor(
    readonly client: ProjectClient,
    private _visibility: IVisibility
  ) {
    _visibility.changed.connect(this._onVisibility, this);
  }

  get key(): string {
    return this.client.key;
  }

  /** Emitted when the server, or a gap in what it said, tells of a change. */
  get changed(): ISignal<this, IChange> {
    return this._changed;
  }

  /** A resource of this project; dispose it when its view goes. */
  resource<T>({ load, concerns, active }: ILiveResourceOptions<T>): Resource<T> {
    const resource = new Resource<T>({
      load: () => load(this.client),
      visibility: this._visibility,
      active
    });
    const hold = this.hold();
    const follow = (_: unknown, change: IChange): void => {
      if (resource.isDisposed) {
        this._changed.disconnect(follow);
        hold.dispose();
      } else if (change.ids === null || (concerns?.(change) ?? true)) {
        resource.invalidate();
      }
    };
    this._changed.connect(follow);
    const dispose = resource.dispose.bind(resource);
    resource.dispose = () => {
      this._changed.disconnect(follow);
      hold.dispose();
      dispose();
    };
    return resource;
  }

  /** Keep the watch up while somebody shows this project; dispose to let it go. */
  hold(): IDisposable {
    this._holds += 1;
    if (this._holds === 1) {
      this._schedule();
    }
    return new DisposableDelegate(() => {
      this._holds -= 1;
      if (this._holds === 0) {
        window.clearTimeout(this._timer);
      }
    });
  }

  /** An event of the server. */
  receive(event: IChanged): void {
    this._changed.emit({ kind: event.kind, ids: event.ids.length > 0 ? event.ids : null });
  }

  /** Something may have been missed: everything is read again. */
  reload(): void {
    this._changed.emit({ kind: 'runs', ids: null });
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    this._visibility.changed.disconnect(this._onVisibility, this);
    Signal.clearData(this);
  }

  private _onVisibility(): void {
    if (this._visibility.visible && this._holds > 0) {
      // The watch may have lapsed while the page was hidden: what happened since was not announced.
      if (Date.now() - this._renewedAt > WATCH_MS) {
        this.reload();
        void this._renew();
      } else {
        this._schedule();
      }
    } else {
      window.clearTimeout(this._timer);
    }
  }

  private _schedule(): void {
    window.clearTimeout(this._timer);
    if (this._visibility.visible && this._holds > 0 && !this._isDisposed) {
      this._timer = window.setTimeout(() => void this._renew(), WATCH_MS);
    }
  }

  private async _renew(): Promise<void> {
    window.clearTimeout(this._timer);
    try {
      await this.client.watch();
      this._renewedAt = Date.now();
      if (this._lapsed) {
        this._lapsed = false;
        this.reload();
      }
    } catch {
      this._lapsed = true; // What the resources show says so already.
    }
    this._schedule();
  }

  private _holds = 0;
  private _lapsed = false;
  private _renewedAt = Date.now();
  private _timer = 0;
  private _isDisposed = false;
  private _changed = new Signal<this, IChange>(this);
}
