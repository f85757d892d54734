import type { ICodeCell, INotebookContent, IOutput, MultilineString } from '@jupyterlab/nbformat';
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { useEffect, useMemo, useRef } from 'react';
import type { ReactElement } from 'react';
import { ErrorBox } from '../../../components';
import { useText } from '../../../views/text';
import { Markdown, attach, remove } from './markdown';
import { useServices } from './services';

/** A notebook as it was executed, to be read: nothing in it can be run or changed. */
export function Notebook({ source }: { source: string }): ReactElement {
  const t = useText();
  const notebook = useMemo(() => parse(source), [source]);
  if (notebook === null) {
    return <ErrorBox title={t('It cannot be shown')} detail={t('This is no notebook.')} />;
  }
  const language = notebook.metadata.kernelspec?.language;
  return (
    <div className="jp-MlopsLab-notebook">
      {notebook.cells.map((cell, i) => {
        const text = joined(cell.source);
        switch (cell.cell_type) {
          case 'markdown':
            return <Markdown key={i} source={text} />;
          case 'code':
            return (
              <CodeCell
                key={i}
                cell={cell as ICodeCell}
                text={text}
                language={typeof language === 'string' ? language : 'python'}
              />
            );
          default:
            return (
              <pre key={i} className="jp-MlopsLab-plain">
                {text}
              </pre>
            );
        }
      })}
    </div>
  );
}

function CodeCell(props: { cell: ICodeCell; text: string; language: string }): ReactElement {
  const { cell, text, language } = props;
  const tags = Array.isArray(cell.metadata.tags) ? cell.metadata.tags : [];
  const injected = tags.includes('injected-parameters');
  return (
    <div className={`jp-MlopsLab-codecell${injected ? ' jp-mod-injected' : ''}`}>
      <div className="jp-MlopsLab-prompt">[{cell.execution_count ?? ' '}]:</div>
      <div className="jp-MlopsLab-codecell-body">
        <Markdown source={fenced(text, language)} />
        {cell.outputs.length > 0 && <Outputs outputs={cell.outputs} />}
      </div>
    </div>
  );
}

/** Outputs by JupyterLab's own renderers, untrusted: HTML sanitized, scripts and SVG left out. */
function Outputs({ outputs }: { outputs: IOutput[] }): ReactElement {
  const { rendermime } = useServices();
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = host.current;
    if (node === null) {
      return;
    }
    const model = new OutputAreaModel({ values: outputs, trusted: false });
    const area = new SimplifiedOutputArea({ model, rendermime });
    attach(area, node);
    return () => {
      remove(area);
      model.dispose();
    };
  }, [outputs, rendermime]);
  return <div ref={host} className="jp-MlopsLab-outputs" />;
}

/** Code as a fence of Markdown, longer than any fence inside it: JupyterLab colours it. */
export function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${/^\w+$/.test(language) ? language : ''}\n${text}\n${fence}`;
}

function joined(text: MultilineString): string {
  return Array.isArray(text) ? text.join('') : text;
}

function parse(source: string): INotebookContent | null {
  try {
    const notebook = JSON.parse(source) as Partial<INotebookContent>;
    return Array.isArray(notebook.cells)
      ? ({
          ...notebook,
          metadata: notebook.metadata ?? {},
          cells: notebook.cells
        } as INotebookContent)
      : null;
  } catch {
    return null;
  }
}
