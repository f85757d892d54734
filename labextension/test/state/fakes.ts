import { Signal } from '@lumino/signaling';
import type { IVisibility } from '../../src/state/visibility';

/** A page that a test hides and shows. */
export class FakePage implements IVisibility {
  visible = true;
  changed: Signal<IVisibility, boolean> = new Signal<IVisibility, boolean>(this);

  show(visible: boolean): void {
    this.visible = visible;
    this.changed.emit(visible);
  }
}

/** Let everything that waits for nothing but promises happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await Promise.resolve();
  }
}
