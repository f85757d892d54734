// Bundle each view that also lives in notebooks as one ES module with its style, into the package.
import { build } from 'esbuild';

// In JupyterLab the views share its React; here preact, a tenth of the size, stands in for it.
const preact = {
  react: 'preact/compat',
  'react-dom': 'preact/compat',
  'react-dom/client': 'preact/compat/client',
  'react/jsx-runtime': 'preact/jsx-runtime'
};

await build({
  entryPoints: {
    curves: 'labextension/src/views/curves/index.tsx',
    registry: 'labextension/src/views/registry/index.tsx',
    drift: 'labextension/src/views/drift/index.tsx',
    lineage: 'labextension/src/views/graph/view.tsx',
    report: 'labextension/src/views/report/index.ts',
    vega: 'labextension/src/views/chart/vega.ts',
    widgets: 'labextension/src/report-widgets/index.ts',
    'lineage-view': 'labextension/style/lineage-hosted.css',
    'report-page': 'labextension/style/report.css',
    'widgets-view': 'labextension/style/report-widgets.css',
    views: 'labextension/style/hosted.css',
    'registry-view': 'labextension/style/registry-hosted.css',
    'drift-view': 'labextension/style/drift-hosted.css'
  },
  outdir: 'mlops_lab/_static',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  minify: true,
  legalComments: 'none',
  // Widgets of old libraries know their surroundings by another name.
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  alias: preact,
  logLevel: 'info'
});
