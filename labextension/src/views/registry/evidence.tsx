import type { ReactElement } from 'react';
import { formatBytes, formatDuration } from '../../components/format';
import { useText } from '../text';
import { sameRowMetrics } from './compare';
import { metricKeys } from './facts';
import { Difference, Value } from './parts';
import type { IModelPage, IVersionDetail, IVersionRow } from './state';

/** The version beside what it would replace, on the same rows where that was judged. */
export function Evidence(props: {
  page: IModelPage;
  detail: IVersionDetail;
  from: number;
}): ReactElement {
  const { page, detail, from } = props;
  const t = useText();
  const old = page.versions.find(one => one.version === from);
  if (old === undefined) {
    return <></>;
  }
  const { metrics, sameRows } = sameRowMetrics(old, detail);
  // What can be compared comes first.
  const keys = metricKeys(page)
    .filter(key => key in detail.metrics)
    .sort((a, b) => Number(b in metrics) - Number(a in metrics));
  return (
    <table className="jp-MlopsLab-reg-facts">
      <thead>
        <tr>
          <th scope="col">{sameRows ? t('Same rows') : t('Each on its own rows')}</th>
          <th scope="col" className="jp-MlopsLab-num">
            {from}
          </th>
          <th scope="col" className="jp-MlopsLab-num">
            {detail.version}
          </th>
          <th scope="col" className="jp-MlopsLab-num">
            <span className="jp-MlopsLab-unseen">{t('difference')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map(key => (
          <tr key={key}>
            <th scope="row">{key}</th>
            <td className="jp-MlopsLab-num jp-MlopsLab-muted">
              <Value metric={key} value={metrics[key]} />
            </td>
            <td className="jp-MlopsLab-num">
              <b>
                <Value metric={key} value={detail.metrics[key]} />
              </b>
            </td>
            <td className="jp-MlopsLab-num">
              <Difference
                metric={key}
                value={detail.metrics[key]}
                before={metrics[key]}
                direction={page.goals[key]}
              />
            </td>
          </tr>
        ))}
        <Sizes old={old} detail={detail} />
      </tbody>
    </table>
  );
}

function Sizes(props: { old: IVersionRow; detail: IVersionDetail }): ReactElement {
  const { old, detail } = props;
  const t = useText();
  return (
    <>
      {detail.latency_ms !== null && !('latency_p95_ms' in detail.metrics) && (
        <tr>
          <th scope="row">{t('answer time p95')}</th>
          <td />
          <td className="jp-MlopsLab-num">{formatDuration(detail.latency_ms.p95 / 1000)}</td>
          <td />
        </tr>
      )}
      <tr>
        <th scope="row">{t('size')}</th>
        <td className="jp-MlopsLab-num jp-MlopsLab-muted">{formatBytes(old.size_bytes)}</td>
        <td className="jp-MlopsLab-num">
          <b>{formatBytes(detail.size_bytes)}</b>
        </td>
        <td className="jp-MlopsLab-num">
          <Difference
            metric="size_bytes"
            value={detail.size_bytes}
            before={old.size_bytes}
            direction={undefined}
          />
        </td>
      </tr>
    </>
  );
}
