import { useCallback, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { Icon } from '../../components/icon';
import type { IconName } from '../../components/icon-paths';
import { useWidth } from '../hooks';
import { useText } from '../text';
import { collapse } from './collapse';
import { NODE_HEIGHT, NODE_WIDTH, layout, pathOf } from './layout';
import type { ILayout, IPlaced } from './layout';
import { LineageList } from './list';
import type { IEdge, IGraph, INode } from './state';
import { Node } from './node';
import { countsOf, describe, isAlive } from './words';

const ZOOMS = [0.4, 0.55, 0.75, 1, 1.25];
/** Nothing smaller can be read. */
const FIT_LEAST = 0.75;
const MANY = 30;

export interface ILineageGraphProps {
  graph: IGraph;
  /** What it is about, for a screen reader: `Lineage of flight-delay 6`. */
  label: string;
  /** Show a node elsewhere; absent where nothing can be opened. */
  onOpen?: (node: INode) => void;
  /** Whether a node can be opened; by default every one that still exists. */
  canOpen?: (node: INode) => boolean;
}

/** What something was made from and what was made of it, from left to right; or the same as a list. */
export function LineageGraph(props: ILineageGraphProps): ReactElement {
  const { graph, label } = props;
  const t = useText();
  const [asList, setAsList] = useState(false);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const collapsed = useMemo(() => collapse(graph, opened), [graph, opened]);
  const drawing = useMemo(() => layout(collapsed), [collapsed]);
  const [zoom, setZoom] = useState<number | null>(null);
  const [room, setRoom] = useState(0);
  const fit = room > 0 ? Math.min(1, Math.max(FIT_LEAST, room / drawing.width)) : 1;
  const scale = zoom ?? fit;
  const step = (by: 1 | -1) => {
    const next =
      by > 0
        ? ZOOMS.find(one => one > scale + 0.01)
        : [...ZOOMS].reverse().find(one => one < scale - 0.01);
    setZoom(next ?? scale);
  };
  if (graph.nodes.length === 0) {
    return (
      <p className="jp-MlopsLab-lineage-none">{t('Nothing is known of what it was made from.')}</p>
    );
  }
  return (
    <div className="jp-MlopsLab-lineage">
      <div className="jp-MlopsLab-lineage-bar" role="toolbar" aria-label={t('Lineage')}>
        <span className="jp-MlopsLab-lineage-count">
          {countsOf(graph, t)}
          {graph.truncated === true && `, ${t('and more beyond')}`}
        </span>
        {!asList && (
          <>
            <BarButton
              icon="minus"
              label={t('Smaller')}
              onClick={() => step(-1)}
              off={scale <= ZOOMS[0]}
            />
            <button
              type="button"
              className="jp-MlopsLab-lineage-scale"
              title={t('Fit to the width')}
              onClick={() => setZoom(null)}
            >
              {Math.round(100 * scale)} %
            </button>
            <BarButton
              icon="plus"
              label={t('Larger')}
              onClick={() => step(1)}
              off={scale >= ZOOMS[ZOOMS.length - 1]}
            />
          </>
        )}
        <BarButton
          icon="list"
          label={t('As a list')}
          pressed={asList}
          onClick={() => setAsList(!asList)}
        />
      </div>
      {asList ? (
        <LineageList {...props} />
      ) : (
        <Drawing
          {...props}
          label={label}
          drawing={drawing}
          edges={collapsed.edges}
          scale={scale}
          onRoom={setRoom}
          onExpand={id => setOpened(new Set([...opened, id]))}
        />
      )}
    </div>
  );
}

function BarButton(props: {
  icon: IconName;
  label: string;
  pressed?: boolean;
  off?: boolean;
  onClick: () => void;
}): ReactElement {
  return (
    <button
      type="button"
      className="jp-MlopsLab-lineage-button"
      title={props.label}
      aria-label={props.label}
      aria-pressed={props.pressed}
      disabled={props.off}
      onClick={props.onClick}
    >
      <Icon name={props.icon} size={14} />
    </button>
  );
}

interface IDrawingProps extends ILineageGraphProps {
  drawing: ILayout;
  edges: readonly IEdge[];
  scale: number;
  onRoom: (width: number) => void;
  onExpand: (id: string) => void;
}

function Drawing(props: IDrawingProps): ReactElement {
  const { graph, label, drawing, edges, scale, onRoom, onOpen, onExpand } = props;
  const t = useText();
  const frame = useRef<HTMLDivElement>(null);
  const arrow = useId();
  const [focused, setFocused] = useState<string | null>(null);
  const [pointed, setPointed] = useState<string | null>(null);
  // Among many, what belongs to what it is about has to be seen without a pointer.
  const usual = drawing.nodes.length > MANY ? graph.focus : null;
  const lit = useMemo(() => {
    const about = pointed ?? focused ?? usual;
    return about === null ? null : pathOf(about, edges);
  }, [pointed, focused, usual, edges]);
  const home = drawing.nodes.find(({ item }) => item.id === graph.focus) ?? drawing.nodes[0];
  // A node may have gone into a group, or come out of one.
  const held = drawing.nodes.find(({ item }) => item.id === focused) ?? home;
  const canOpen = (node: INode) => onOpen !== undefined && (props.canOpen ?? isAlive)(node);

  const width = useWidth(frame, 0);
  useEffect(() => onRoom(width), [onRoom, width]);
  useEffect(() => {
    // What it is about comes first into view, whatever is drawn around it.
    const node = frame.current;
    if (node !== null && home !== undefined) {
      node.scrollLeft = scale * (home.x + NODE_WIDTH / 2) - node.clientWidth / 2;
      node.scrollTop = scale * (home.y + NODE_HEIGHT / 2) - node.clientHeight / 2;
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- not at every zoom: for a new graph or room
  }, [graph, width]);

  const focus = useCallback((id: string) => {
    const nodes = frame.current?.querySelectorAll<SVGGElement>('[data-id]') ?? [];
    const node = [...nodes].find(one => one.dataset.id === id);
    node?.focus();
    node?.scrollIntoView?.({ block: 'nearest', inline: 'nearest' });
  }, []);
  const press = (placed: IPlaced) => {
    if (placed.item.members.length > 0) {
      onExpand(placed.item.id);
    } else if (canOpen(placed.item.node)) {
      onOpen?.(placed.item.node);
    }
  };
  const onKeyDown = (event: KeyboardEvent, placed: IPlaced) => {
    const next = neighbour(event.key, placed, drawing, edges, home);
    if (next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      focus(next.item.id);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      event.stopPropagation();
      press(placed);
    }
  };
  return (
    <div className="jp-MlopsLab-lineage-frame" ref={frame}>
      <svg
        role="group"
        aria-label={label}
        className={lit === null ? '' : 'jp-mod-lit'}
        width={drawing.width * scale}
        height={drawing.height * scale}
        viewBox={`0 0 ${drawing.width} ${drawing.height}`}
        onMouseLeave={() => setPointed(null)}
      >
        <defs>
          <marker
            id={arrow}
            viewBox="0 0 6 6"
            refX="5"
            refY="3"
            markerWidth="6"
            markerHeight="6"
            orient="auto"
          >
            <path d="M0 0 6 3 0 6z" />
          </marker>
        </defs>
        {drawing.routes.map(({ edge, path }) => (
          <path
            key={`${edge.source}\n${edge.target}`}
            className={edgeClass(edge, lit)}
            d={path}
            markerEnd={`url(#${arrow})`}
          />
        ))}
        {drawing.nodes.map(placed => (
          <Node
            key={placed.item.id}
            placed={placed}
            subject={placed.item.id === graph.focus}
            lit={lit === null ? null : lit.has(placed.item.id)}
            tabbed={placed === held}
            opens={placed.item.members.length > 0 || canOpen(placed.item.node)}
            label={describe(placed.item, graph, t)}
            onKeyDown={event => onKeyDown(event, placed)}
            onFocus={() => setFocused(placed.item.id)}
            onBlur={() => setFocused(null)}
            onPoint={() => setPointed(placed.item.id)}
            onLeave={() => setPointed(null)}
            onPress={() => press(placed)}
          />
        ))}
      </svg>
    </div>
  );
}

/** Where a key leads: to the nearest neighbour before or after, up or down the layer, or home. */
export function neighbour(
  key: string,
  from: IPlaced,
  { nodes }: ILayout,
  edges: readonly IEdge[],
  home: IPlaced
): IPlaced | undefined {
  const near = (ids: readonly string[]) =>
    nodes
      .filter(({ item }) => ids.includes(item.id))
      .sort((a, b) => distance(a, from) - distance(b, from))[0];
  const beside = (by: 1 | -1) => {
    const layer = nodes.filter(one => one.layer === from.layer).sort((a, b) => a.y - b.y);
    return layer[layer.indexOf(from) + by] ?? from;
  };
  const id = from.item.id;
  switch (key) {
    case 'ArrowLeft':
      return near(edges.filter(edge => edge.target === id).map(edge => edge.source)) ?? from;
    case 'ArrowRight':
      return near(edges.filter(edge => edge.source === id).map(edge => edge.target)) ?? from;
    case 'ArrowUp':
      return beside(-1);
    case 'ArrowDown':
      return beside(1);
    case 'Home':
      return home;
    default:
      return undefined;
  }
}

function distance(a: IPlaced, b: IPlaced): number {
  return Math.abs(a.y - b.y) + Math.abs(a.x - b.x);
}

function edgeClass(edge: IEdge, lit: ReadonlySet<string> | null): string {
  const on = lit !== null && lit.has(edge.source) && lit.has(edge.target);
  return [
    'jp-MlopsLab-lineage-edge',
    !edge.strong && 'jp-mod-weak',
    on && 'jp-mod-on',
    lit !== null && !on && 'jp-mod-off'
  ]
    .filter(Boolean)
    .join(' ');
}
