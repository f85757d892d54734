import { SavedWidgets } from './manager';
import type { SavedState } from './manager';

/** Shows a widget of a notebook from its saved state; runs in a frame of its own. */
export default (state: SavedState, id: string, el: HTMLElement): Promise<void> =>
  new SavedWidgets().show(state, id, el);
