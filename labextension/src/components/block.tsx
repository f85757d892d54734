import type { ReactElement, ReactNode } from 'react';

/** A titled part of a view. */
export function Block(props: {
  title: string;
  note?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
}): ReactElement {
  return (
    <section className="jp-MlopsLab-block" aria-label={props.title}>
      <div className="jp-MlopsLab-block-head">
        <h2 className="jp-MlopsLab-h2">{props.title}</h2>
        <span className="jp-MlopsLab-small jp-MlopsLab-muted jp-MlopsLab-ellipsis">
          {props.note}
        </span>
        <span className="jp-MlopsLab-block-aside">{props.aside}</span>
      </div>
      {props.children}
    </section>
  );
}
