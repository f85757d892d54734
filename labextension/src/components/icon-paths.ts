/**
 * The drawings of our icons: 16 px box, stroke 1.5, round joins, on the pixel grid.
 *
 * Plain markup without Jupyter, so that views outside JupyterLab draw the same; `icons.ts` makes LabIcons of them.
 */
export const ICON_PATHS = {
  lab: '<path d="M5.2 11.2a3.6 3.6 0 1 1 0-6.4c2.1 1.1 3.5 5.3 5.6 6.4a3.6 3.6 0 1 0 0-6.4c-.9.5-1.6 1.4-2.3 2.4"/>',
  run: '<circle cx="8" cy="8" r="6"/><path d="M6.75 5.6v4.8L10.4 8z" fill="currentColor"/>',
  dataset:
    '<ellipse cx="8" cy="3.9" rx="5.25" ry="2.15"/><path d="M2.75 3.9v8.2c0 1.2 2.35 2.15 5.25 2.15s5.25-.95 5.25-2.15V3.9M2.75 8c0 1.2 2.35 2.15 5.25 2.15S13.25 9.2 13.25 8"/>',
  model: '<path d="M8 1.9 13.4 5v6L8 14.1 2.6 11V5z"/><path d="M2.6 5 8 8l5.4-3M8 8v6.1"/>',
  pipeline:
    '<circle cx="3.4" cy="8" r="1.9"/><circle cx="12.6" cy="3.6" r="1.9"/><circle cx="12.6" cy="12.4" r="1.9"/><path d="m5.1 7.2 5.8-2.8M5.1 8.8l5.8 2.8"/>',
  signed:
    '<path d="m8 1.8 5.2 2v4.1c0 3-2.1 5.2-5.2 6.3-3.1-1.1-5.2-3.3-5.2-6.3V3.8z"/><path d="m5.6 7.9 1.7 1.7 3.1-3.3"/>',
  rollback: '<path d="M3 6.5h6.5a3.5 3.5 0 1 1 0 7H6M5.5 3.5l-3 3 3 3"/>',
  compare: '<path d="M3 13V8M6.3 13V4M9.7 13V6.5M13 13V2.5"/>',
  history: '<path d="M2.8 8A5.2 5.2 0 1 0 4.6 4M2.6 1.8v3h3M8 5v3.2l2.2 1.4"/>',
  minus: '<path d="M3 8h10"/>',
  list: '<path d="M6 4h8M6 8h8M6 12h8M2.5 4h.1M2.5 8h.1M2.5 12h.1"/>',
  gate: '<path d="M2.5 14V4.5a2 2 0 0 1 2-2h7a2 2 0 0 1 2 2V14M2.5 7h11M6.2 7v7M9.8 7v7"/>',
  monitor: '<path d="M1.5 8.5h2.8L6.4 3.4l3.2 9.4 2-4.3h2.9"/>',
  alert:
    '<path d="M8 2.2 14.4 13.4H1.6zM8 6.4v3.2"/><circle cx="8" cy="11.5" r=".55" fill="currentColor" stroke="none"/>',
  'alert-filled':
    '<path fill="currentColor" stroke="none" fill-rule="evenodd" d="M8 1.4a.9.9 0 0 1 .78.45l6.1 10.7a.9.9 0 0 1-.78 1.35H1.9a.9.9 0 0 1-.78-1.35l6.1-10.7A.9.9 0 0 1 8 1.4zM7.25 5.8v4h1.5v-4zM7.25 11v1.5h1.5V11z"/>',
  approval:
    '<circle cx="6" cy="5" r="2.6"/><path d="M1.6 13.6c.3-2.7 2-4.2 4.4-4.2s4.1 1.5 4.4 4.2M10.6 6.6l1.5 1.5 2.7-3"/>',
  passed: '<circle cx="8" cy="8" r="6"/><path d="m5.4 8.2 1.8 1.8 3.5-3.8"/>',
  rejected: '<circle cx="8" cy="8" r="6"/><path d="m5.8 5.8 4.4 4.4M10.2 5.8l-4.4 4.4"/>',
  waiting: '<circle cx="8" cy="8" r="6"/><path d="M8 4.8V8l2.2 1.6"/>',
  star: '<path d="m8 1.9 1.85 3.85 4.2.55-3.1 2.95.8 4.2L8 11.4l-3.75 2.05.8-4.2-3.1-2.95 4.2-.55z"/>',
  search: '<circle cx="7" cy="7" r="4.5"/><path d="m10.4 10.4 3.4 3.4"/>',
  stop: '<rect x="4" y="4" width="8" height="8" rx="1" fill="currentColor" stroke="none"/>',
  'caret-down': '<path d="m4 6 4 4 4-4"/>',
  'caret-right': '<path d="m6 4 4 4-4 4"/>',
  'caret-left': '<path d="m10 4-4 4 4 4"/>',
  'caret-up': '<path d="m4 10 4-4 4 4"/>',
  more: '<g fill="currentColor" stroke="none"><circle cx="3" cy="8" r="1.3"/><circle cx="8" cy="8" r="1.3"/><circle cx="13" cy="8" r="1.3"/></g>',
  close: '<path d="m4 4 8 8M12 4l-8 8"/>',
  plus: '<path d="M8 3v10M3 8h10"/>',
  check: '<path d="m3 8.4 3.2 3.2L13 4.6"/>',
  refresh: '<path d="M13.2 8A5.2 5.2 0 1 1 11.4 4M13.4 1.8v3h-3"/>',
  rerun: '<path d="M13.2 8A5.2 5.2 0 1 1 11.4 4M13.4 1.8v3h-3"/>',
  copy: '<path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3"/>',
  notebook: '<path d="M3.5 2h9v12h-9zM6 2v12"/>',
  file: '<path d="M4 1.9h5.2l3 3v9.2H4zM9 2v3.2h3.2"/>',
  image: '<path d="M2.5 3h11v10h-11zM2.5 11l3.3-3.6 2.7 2.9 2-2 3 3"/>',
  table: '<path d="M2.5 3h11v10h-11zM2.5 6.4h11M2.5 9.7h11M6.5 3v10"/>',
  link: '<path d="M6.8 9.2 9.2 6.8M7.4 4.6l1.4-1.4a2.8 2.8 0 0 1 4 4l-1.4 1.4M8.6 11.4l-1.4 1.4a2.8 2.8 0 0 1-4-4l1.4-1.4"/>',
  download: '<path d="M8 2.5v7.6M4.8 7.2 8 10.4l3.2-3.2M3 13.2h10"/>',
  trash: '<path d="M3 4.5h10M6.2 4.3V2.5h3.6v1.8M4.4 4.5l.6 9h6l.6-9"/>',
  note: '<path d="M3 2.5h10v7.6l-3.4 3.4H3zM9.6 13.5v-3.4H13M5.5 5.5h5M5.5 8h3"/>',
  tag: '<path d="M2.5 2.5h5.2l5.8 5.8-5.2 5.2-5.8-5.8z"/><circle cx="5.3" cy="5.3" r=".9" fill="currentColor" stroke="none"/>',
  edit: '<path d="m10.8 2.7 2.5 2.5-7.4 7.4-3.3.8.8-3.3zM9 4.5 11.5 7"/>',
  insert: '<path d="M2 3.5h12v9H2zM8 5.8v4.4M5.8 8h4.4"/>',
  keyboard:
    '<path d="M1.8 4h12.4v8H1.8zM4.2 6.5h.1M6.7 6.5h.1M9.2 6.5h.1M11.7 6.5h.1M4.6 9.5h6.8"/>',
  folder: '<path d="M1.8 3.5h4.4l1.5 1.8h6.5v7.2H1.8z"/>'
} as const;

export type IconName = keyof typeof ICON_PATHS;
