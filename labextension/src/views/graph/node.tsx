import type { KeyboardEvent, ReactElement } from 'react';
import { Icon } from '../../components/icon';
import { useText } from '../text';
import { NODE_HEIGHT, NODE_WIDTH } from './layout';
import type { IPlaced } from './layout';
import { iconOf, wordsOf } from './words';

/** One box of the drawing. */
export function Node(props: {
  placed: IPlaced;
  subject: boolean;
  lit: boolean | null;
  tabbed: boolean;
  opens: boolean;
  label: string;
  onKeyDown: (event: KeyboardEvent) => void;
  onFocus: () => void;
  onBlur: () => void;
  onPoint: () => void;
  onLeave: () => void;
  onPress: () => void;
}): ReactElement {
  const { placed, subject, lit, opens } = props;
  const { item, x, y } = placed;
  const t = useText();
  const classes = [
    'jp-MlopsLab-lineage-node',
    `jp-mod-${item.node.kind}`,
    subject && 'jp-mod-subject',
    lit === true && 'jp-mod-on',
    lit === false && 'jp-mod-off',
    !item.node.alive && 'jp-mod-gone',
    item.members.length > 0 && 'jp-mod-group',
    opens && 'jp-mod-opens'
  ];
  const [title, detail] = wordsOf(item, t);
  return (
    <g
      className={classes.filter(Boolean).join(' ')}
      transform={`translate(${x} ${y})`}
      data-id={item.id}
      role={opens ? 'button' : 'img'}
      aria-label={props.label}
      aria-current={subject ? 'true' : undefined}
      tabIndex={props.tabbed ? 0 : -1}
      onKeyDown={props.onKeyDown}
      onFocus={props.onFocus}
      onBlur={props.onBlur}
      onMouseEnter={props.onPoint}
      onMouseLeave={props.onLeave}
      onClick={props.onPress}
    >
      <title>{`${title}\n${detail}`}</title>
      {item.members.length > 0 && (
        <rect
          className="jp-mod-behind"
          x="3"
          y="3"
          width={NODE_WIDTH}
          height={NODE_HEIGHT}
          rx="3"
        />
      )}
      <rect width={NODE_WIDTH} height={NODE_HEIGHT} rx="3" />
      <svg x="8" y="10" width="16" height="16" viewBox="0 0 16 16">
        <Icon name={iconOf(item.node.kind)} />
      </svg>
      <foreignObject x="30" y="1" width={NODE_WIDTH - 34} height={NODE_HEIGHT - 2}>
        <div className="jp-MlopsLab-lineage-words" aria-hidden="true">
          <b>{title}</b>
          <span>{detail}</span>
        </div>
      </foreignObject>
    </g>
  );
}
