import type { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

/** Open a menu below a button; the keyboard goes back to where it was when the menu closes. */
export function openMenu(
  commands: CommandRegistry,
  at: DOMRect,
  fill: (menu: Menu) => void,
  horizontalAlignment: 'left' | 'right' = 'right'
): void {
  const before = document.activeElement;
  const menu = new Menu({ commands });
  menu.addClass('jp-MlopsLab-menu');
  fill(menu);
  menu.aboutToClose.connect(() => {
    // Before the chosen command: a dialog of it gives the keyboard back to whoever has it now.
    if (before instanceof HTMLElement && before.isConnected) {
      before.focus({ preventScroll: true });
    }
    window.setTimeout(() => menu.dispose());
  });
  menu.open(horizontalAlignment === 'right' ? at.right : at.left, at.bottom + 2, {
    horizontalAlignment
  });
}
