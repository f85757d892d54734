/** Called with the message and its binary buffers, or with nothing for a change. */
export type Handler = (message?: unknown, buffers?: DataView[]) => void;

/** What a view may ask of its host: the part of anywidget's model that every host has. */
export interface IModel<S = object> {
  get<K extends keyof S>(key: K): S[K];
  set<K extends keyof S>(key: K, value: S[K]): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, handler: Handler): void;
  off(event: string, handler: Handler): void;
}

/** A view: the same object is an anywidget, a panel of JupyterLab and a part of a report. */
export interface IView<S> {
  /** Once per place it is shown in; returns how to take it away. */
  render(context: { model: IModel<S>; el: HTMLElement }): () => void;
}

/** A model without a kernel: for JupyterLab's panels, for saved notebooks and for tests. */
export class LocalModel<S extends object> implements IModel<S> {
  constructor(private _state: S) {}

  get<K extends keyof S>(key: K): S[K] {
    return this._state[key];
  }

  set<K extends keyof S>(key: K, value: S[K]): void {
    if (!Object.is(this._state[key], value)) {
      this._state[key] = value;
      this._handlers.get(`change:${String(key)}`)?.forEach(handler => handler());
    }
  }

  save_changes(): void {}

  send(_content: unknown): void {}

  on(event: string, handler: Handler): void {
    const handlers = this._handlers.get(event) ?? new Set();
    this._handlers.set(event, handlers.add(handler));
  }

  off(event: string, handler: Handler): void {
    this._handlers.get(event)?.delete(handler);
  }

  private _handlers = new Map<string, Set<Handler>>();
}
