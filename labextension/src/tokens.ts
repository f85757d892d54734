import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { ReactElement } from 'react';
import type { IProjectModel as Model } from './state/project';

/** The project that the page is about; provided by `mlops-lab:project`. */
export type IProjectModel = Model;
export const IProjectModel = new Token<Model>(
  'mlops-lab:IProjectModel',
  'The MLOps Lab project that the page is about, with its client and its changes.'
);

/** A part of the sidebar; each concept adds its own. */
export interface ISidebarPart {
  /** Where it stands: above the sections, among them, or below. */
  area: 'top' | 'body' | 'bottom';
  /** Its place in the area, from small to large. */
  rank: number;
  render: () => ReactElement;
}

/** The sidebar; provided by `mlops-lab:sidebar`. */
export interface ISidebar {
  readonly id: string;
  readonly isVisible: boolean;
  /** Emitted when the sidebar opens or closes. */
  readonly opened: ISignal<ISidebar, boolean>;
  add(part: ISidebarPart): void;
  /** What the badge on its icon counts: things that need a person. */
  badge: number;
}
export const ISidebar = new Token<ISidebar>(
  'mlops-lab:ISidebar',
  'The MLOps Lab sidebar, to which parts can be added.'
);
