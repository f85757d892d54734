import type { IconName } from '../../components/icon-paths';
import type { Translate } from '../text';
import type { INode } from './state';

export function kindText(kind: string, t: Translate): string {
  return kind === 'dataset'
    ? t('data')
    : kind === 'model'
      ? t('model')
      : kind === 'run'
        ? t('run')
        : kind;
}

export function iconOf(kind: string): IconName {
  return kind === 'dataset' || kind === 'model' ? kind : 'run';
}

export function isAlive(node: INode): boolean {
  return node.alive;
}
