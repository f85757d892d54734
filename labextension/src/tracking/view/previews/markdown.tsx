import { MimeModel } from '@jupyterlab/rendermime';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { useEffect, useRef } from 'react';
import type { ReactElement } from 'react';
import { useServices } from './services';

/** Markdown as JupyterLab draws it in notebooks nobody has trusted: through its sanitizer. */
export function Markdown({ source }: { source: string }): ReactElement {
  const { rendermime } = useServices();
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = host.current;
    if (node === null) {
      return;
    }
    return show(rendermime, node, { 'text/markdown': source });
  }, [rendermime, source]);
  return <div ref={host} className="jp-MlopsLab-rendered" />;
}

/** Draw a mime bundle into `node`, untrusted; returns how to take it away. */
export function show(
  rendermime: IRenderMimeRegistry,
  node: HTMLElement,
  data: Record<string, string>
): () => void {
  const renderer = rendermime.createRenderer(Object.keys(data)[0]);
  void renderer.renderModel(new MimeModel({ data, trusted: false }));
  attach(renderer, node);
  return () => remove(renderer);
}

/** A Lumino widget inside a React node: the messages that it would get in a layout. */
export function attach(widget: Widget, node: HTMLElement): void {
  MessageLoop.sendMessage(widget, Widget.Msg.BeforeAttach);
  node.replaceChildren(widget.node);
  MessageLoop.sendMessage(widget, Widget.Msg.AfterAttach);
}

export function remove(widget: Widget): void {
  MessageLoop.sendMessage(widget, Widget.Msg.BeforeDetach);
  widget.node.remove();
  MessageLoop.sendMessage(widget, Widget.Msg.AfterDetach);
  widget.dispose();
}
