import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement, ReactNode } from 'react';
import { RetryPlace, Section, StaleBar, formatCount } from './components';
import type { Folds } from './state/folds';
import type { Resource } from './state/resource';
import { useChanged } from './state/use';

export interface IListSectionProps<T> {
  /** What the server gives; null without a project. */
  list: Resource<T> | null;
  /** How many there are of it. */
  count(value: T): number;
  title: string;
  /** What is said when it cannot be read. */
  failed: string;
  /** By what its fold is remembered. */
  id: string;
  folds: Folds;
  trans: TranslationBundle;
  aside?: ReactNode;
  children: (value: T) => ReactNode;
}

/** A section of the sidebar over one of the server's lists; nothing where the list is empty. */
export function ListSection<T>(props: IListSectionProps<T>): ReactElement | null {
  const { list, folds, id, trans } = props;
  useChanged(folds);
  const section = {
    title: props.title,
    folded: folds.has(id),
    onFold: (folded: boolean) => folds.set(id, folded)
  };
  const value = list?.value ?? null;
  if (list === null || value === null) {
    // What cannot be asked for, for example of an older server, is left out; what broke is told.
    const error = list?.error ?? null;
    return error === null || error.status === 404 || error.transient ? null : (
      <Section {...section}>
        <RetryPlace
          title={props.failed}
          detail={error.message}
          retry={trans.__('Retry')}
          onRetry={() => void list?.refresh()}
        />
      </Section>
    );
  }
  const count = props.count(value);
  if (count === 0) {
    return null;
  }
  return (
    <Section {...section} count={formatCount(count)} aside={props.aside}>
      {list.error !== null && list.loadedAt !== null && (
        <StaleBar
          since={list.loadedAt}
          onRetry={() => void list.refresh()}
          updated={age => trans.__('updated %1 ago', age)}
          retry={trans.__('Retry')}
        />
      )}
      {props.children(value)}
    </Section>
  );
}
