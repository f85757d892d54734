import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import reactHooks from 'eslint-plugin-react-hooks';
import { defineConfig } from 'eslint/config';
import globals from 'globals';
import tseslint from 'typescript-eslint';

// Which folder may import what: the layers of the front end, from the bottom up.
const JUPYTER = ['@jupyterlab/*', '@jupyter/*', '@lumino/*'];
const CONCEPTS = ['project', 'tracking', 'orchestration', 'data', 'registry', 'monitoring', 'reports'];
const APPLICATION = ['sidebar', 'commands', 'tokens', 'icons', 'notebook', 'nodes'];

/** Everything in these modules and folders of `src`, as seen from one or two folders below it. */
const inside = names =>
  names.flatMap(name => [`../${name}`, `../${name}/**`, `../../${name}`, `../../${name}/**`]);
const others = name => CONCEPTS.filter(concept => concept !== name);

/** One folder's rule: what must not be imported from there, and why. */
function layer(folder, message, group) {
  return {
    files: [`**/src/${folder}/**/*.{ts,tsx}`],
    rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message }] }] }
  };
}

export default defineConfig([
  { ignores: ['**/lib/**', '*.config.*', 'vitest.setup.ts', '**/*.js'] },
  js.configs.recommended,
  tseslint.configs.recommended,
  { plugins: { jupyter } },
  jupyter.configs.recommended,
  prettier,
  {
    // Patterns are relative to where eslint is run (the repository's root), not to this file.
    files: ['**/{src,test}/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': reactHooks },
    languageOptions: {
      globals: globals.browser,
      parserOptions: { project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname }
    },
    rules: {
      ...reactHooks.configs.recommended.rules,
      'react-hooks/set-state-in-effect': 'off', // It takes any awaited load for a synchronous one.
      'jupyter/prefer-lazy-imports': 'off', // A chunk per panel costs more than it saves.
      'jupyter/command-described-by': 'off', // Our arguments are ids: nothing to fill in by hand.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'prefer-arrow-callback': 'error'
    }
  },
  {
    // No translator below the concepts: components are given their texts, api errors are the server's.
    files: ['**/src/{components,api,views}/**/*.{ts,tsx}', '**/test/**/*.{ts,tsx}'],
    rules: { 'jupyter/no-untranslated-string': 'off' }
  },
  layer('components', 'components import no Jupyter and nothing of ours but components', [
    ...JUPYTER,
    ...inside([...CONCEPTS, ...APPLICATION, 'api', 'state', 'views'])
  ]),
  layer('views', 'views run without Jupyter: they import nothing of ours but components', [
    ...JUPYTER,
    ...inside([...CONCEPTS, ...APPLICATION, 'api', 'state'])
  ]),
  layer('api', "api imports Jupyter's services only", [
    ...inside([...CONCEPTS, ...APPLICATION, 'state', 'views', 'components'])
  ]),
  layer('state', 'state imports api and nothing above it', [
    ...inside([...CONCEPTS, ...APPLICATION, 'views', 'components'])
  ]),
  layer('notebook', 'notebook writes into notebooks for every concept and imports none', [
    ...inside([...CONCEPTS, 'sidebar', 'commands', 'tokens', 'api', 'state', 'views', 'components'])
  ]),
  ...CONCEPTS.map(name =>
    layer(name, 'one concept never imports another', [...inside([...others(name), 'index'])])
  )
]);
