import type { ReactElement } from 'react';
import { Icon } from '../../components/icon';
import { useText } from '../text';
import { compareLabels } from './collapse';
import type { ILineageGraphProps } from './graph';
import type { IGraph, INode } from './state';
import { iconOf, isAlive, kindText } from './words';

/** The same graph as a list: each thing with what it was made from and what was made of it. */
export function LineageList(props: ILineageGraphProps): ReactElement {
  const { graph, label } = props;
  const t = useText();
  const nodes = [...graph.nodes].sort(
    (a, b) => (a.at ?? '').localeCompare(b.at ?? '') || compareLabels(a.label, b.label)
  );
  return (
    <ul className="jp-MlopsLab-lineage-list" aria-label={label}>
      {nodes.map(node => (
        <li key={node.id} aria-current={node.id === graph.focus ? 'true' : undefined}>
          <Icon name={iconOf(node.kind)} size={14} label={kindText(node.kind, t)} />
          <div>
            <Name {...props} node={node} strong={node.id === graph.focus} />{' '}
            <span className="jp-MlopsLab-lineage-detail">
              {node.alive ? node.detail : t('deleted')}
            </span>
            <Others {...props} node={node} side="before" />
            <Others {...props} node={node} side="after" />
          </div>
        </li>
      ))}
    </ul>
  );
}

/** The neighbours on one side, each with what it did there. */
function Others(
  props: ILineageGraphProps & { node: INode; side: 'before' | 'after' }
): ReactElement | null {
  const { graph, node, side } = props;
  const t = useText();
  const found = neighbours(graph, node.id, side);
  if (found.length === 0) {
    return null;
  }
  return (
    <div className="jp-MlopsLab-lineage-others">
      {side === 'before' ? t('from') : t('leads to')}{' '}
      {found.map((other, i) => (
        <span key={other.id}>
          {i > 0 && ', '}
          <Name {...props} node={other} />
        </span>
      ))}
    </div>
  );
}

function neighbours(graph: IGraph, id: string, side: 'before' | 'after'): INode[] {
  const [own, other] =
    side === 'before' ? (['target', 'source'] as const) : (['source', 'target'] as const);
  const ids = new Set(graph.edges.filter(edge => edge[own] === id).map(edge => edge[other]));
  return graph.nodes.filter(node => ids.has(node.id));
}

function Name(props: ILineageGraphProps & { node: INode; strong?: boolean }): ReactElement {
  const { node, strong, onOpen, canOpen = isAlive } = props;
  const text = strong ? <b>{node.label}</b> : node.label;
  return onOpen !== undefined && canOpen(node) ? (
    <button type="button" className="jp-MlopsLab-lineage-link" onClick={() => onOpen(node)}>
      {text}
    </button>
  ) : (
    <>{text}</>
  );
}
