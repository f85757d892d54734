import type { ComponentType } from 'react';
import { createRoot } from 'react-dom/client';
import type { IModel, IView } from './model';

/** Make a view of a component. */
export function defineView<S>(Component: ComponentType<{ model: IModel<S> }>): IView<S> {
  return {
    render({ model, el }) {
      el.classList.add('jp-MlopsLab-hosted');
      const root = createRoot(el);
      root.render(<Component model={model} />);
      return () => root.unmount();
    }
  };
}
