import type { ReactElement } from 'react';
import { useText } from '../text';
import { ABOVE, BELOW } from './facts';
import type { Measure } from './state';

/** What the colours of the matrix say. */
export function MatrixLegend({ measure }: { measure: Measure }): ReactElement {
  const t = useText();
  const short = (value: number) => value.toFixed(2).replace(/^0/, '');
  const percent = (ratio: number) => `${Math.round(100 * (ratio - 1))} %`;
  return (
    <div className="jp-MlopsLab-drift-legend" aria-label={t('Colours')} role="note">
      <span>{measure === 'effect' ? t('in the natural range') : t('as in quiet chunks')}</span>
      <span>
        <i className="jp-mod-d0" />
        {'< '}
        {short(BELOW[0])}
      </span>
      <span>
        <i className="jp-mod-d1" />
        {short(BELOW[0])}
      </span>
      <span>
        <i className="jp-mod-d2" />
        {short(BELOW[1])}
      </span>
      <span>{t('above it by')}</span>
      <span>
        <i className="jp-mod-d3" />
        {percent(ABOVE[0])}
      </span>
      <span>
        <i className="jp-mod-d4" />
        {percent(ABOVE[1])}
      </span>
      <span>
        <i className="jp-mod-d5" />
        {percent(ABOVE[2])}
      </span>
      <span>
        <i className="jp-mod-quality" />
        {t('data quality')}
      </span>
      <span>
        <b aria-hidden="true">◆</b>
        {t('alert')}
      </span>
    </div>
  );
}
