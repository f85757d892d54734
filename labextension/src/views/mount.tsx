import type { ComponentType } from 'react';
import { createRoot } from 'react-dom/client';
import type { IModel, IView } from './model';

/** Make a view of a component. */
export function defineView<S>(Component: ComponentType<{ model: IModel<S> }>): IView<S> {
  return {
    render({ model, el }) {
      // A node of our own: hosts empty theirs, and say other things in it, when they please.
      const host = document.createElement('div');
      host.className = 'jp-MlopsLab-hosted';
      el.append(host);
      const root = createRoot(host);
      root.render(<Component model={model} />);
      return () => {
        root.unmount();
        host.remove();
      };
    }
  };
}
