// SPDX-License-Identifier: Apache-2.0
// Line icons on a 24-unit grid, drawn for this page, and the watchtower mark.

const PATHS = {
  today: 'M4 12a8 8 0 1 0 16 0 8 8 0 0 0-16 0M12 8v4l2.5 2.5',
  alert: 'M12 4 3.5 19h17zM12 10v4M12 16.5v.1',
  case: 'M4 8h16v11H4zM9 8V5.5h6V8M4 13h16',
  hunt: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5 20 20',
  agency: 'M4 20h16M6 20V9.5M10 20V9.5M14 20V9.5M18 20V9.5M3.5 9.5h17L12 4z',
  report: 'M6 3.5h8.5L18 7v13.5H6zM14 3.5V7.5h4M9 12h6M9 15.5h6',
  sensor: 'M12 13.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3M8.5 15.5a5 5 0 0 1 0-7M15.5 8.5a5 5 0 0 1 0 7M5.7 18.3a9 9 0 0 1 0-12.6M18.3 5.7a9 9 0 0 1 0 12.6',
  users: 'M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M3 19.5c.5-3.5 2.8-5 6-5s5.5 1.5 6 5M15.5 4.8a3.5 3.5 0 0 1 0 6.4M17.5 14.9c2 .7 3.2 2.2 3.5 4.6',
  audit: 'M12 3.5 5 6v5.5c0 4.5 3 7.5 7 9 4-1.5 7-4.5 7-9V6zM9 11.8l2.2 2.2 4-4.2',
  work: 'M5 5h14v14H5zM8.5 12l2.5 2.5 4.5-5',
  more: 'M5 7h14M5 12h14M5 17h14',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  archive: 'M4 5h16v4H4zM5.5 9v10.5h13V9M10 13h4',
  up: 'M12 19V6M6.5 11 12 5.5l5.5 5.5',
  flag: 'M6 21V4M6 4.5h11l-2.5 4 2.5 4H6',
  down: 'M12 5v13M6.5 13l5.5 5.5 5.5-5.5',
  download: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14',
  upload: 'M12 16V5M7.5 9 12 4.5 16.5 9M5 20h14',
  plus: 'M12 5v14M5 12h14',
  left: 'M14.5 5.5 8 12l6.5 6.5',
  right: 'M9.5 5.5 16 12l-6.5 6.5',
  clock: 'M4 12a8 8 0 1 0 16 0 8 8 0 0 0-16 0M12 7.5V12l3 2',
  dots: 'M5 12h.01M5.5 12a.5.5 0 1 0-1 0 .5.5 0 0 0 1 0M12.5 12a.5.5 0 1 0-1 0 .5.5 0 0 0 1 0M19.5 12a.5.5 0 1 0-1 0 .5.5 0 0 0 1 0',
  send: 'M4 12 20 5l-5 15-3.5-6.5zM11.5 13.5 20 5',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1',
  filter: 'M4 6h16M7 12h10M10 18h4',
  key: 'M8 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M11.5 13H20v3M17 13v2.5',
  out: 'M10 4.5H5v15h5M14 8l4 4-4 4M18 12H9',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1',
  moon: 'M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10',
  screen: 'M4 5h16v11H4zM9 20h6M12 16v4',
  phone: 'M6.5 4h3l1.5 4-2 1.5a11 11 0 0 0 5.5 5.5l1.5-2 4 1.5v3c0 1-1 2-2 2A16 16 0 0 1 4.5 6c0-1 1-2 2-2',
  mail: 'M4 6h16v12H4zM4 7l8 6 8-6',
  file: 'M6 3.5h8.5L18 7v13.5H6zM14 3.5V7.5h4',
  info: 'M4 12a8 8 0 1 0 16 0 8 8 0 0 0-16 0M12 11v5M12 8v.1',
  pause: 'M9 6v12M15 6v12',
  host: 'M4 5h16v6H4zM4 13h16v6H4zM7.5 8h.1M7.5 16h.1',
  edit: 'M5 19h3.5L19 8.5 15.5 5 5 15.5zM13 7.5 16.5 11',
  calendar: 'M4.5 6h15v13.5h-15zM4.5 10h15M8.5 3.5v4M15.5 3.5v4',
  undo: 'M9 7 4.5 11.5 9 16M5 11.5h9a5 5 0 0 1 0 10h-2',
  history: 'M4.5 12a7.5 7.5 0 1 0 2.5-5.6L4.5 8.7M4.5 4.5v4.2h4.2M12 8v4l2.5 2',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, class: extra }: { name: IconName; class?: string }) {
  return <svg class={`icon ${extra ?? ''}`} viewBox="0 0 24 24" aria-hidden="true"><path d={PATHS[name]} /></svg>;
}

/** The watchtower: a curved roof, a lamp, a frame on two legs. */
export function Mark({ size = 30 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0b5c56" />
      <g fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
        <path d="M5 12.5c4-.6 7.6-2.6 11-6 3.4 3.4 7 5.4 11 6" />
        <path d="M9.5 12.5v4h13v-4" />
        <path d="M11.5 16.5 9.5 26.5M20.5 16.5l2 10M7.5 26.5h17M10.8 21.5h10.4" />
      </g>
      <circle cx="16" cy="12.2" r="1.7" fill="#ffd27a" />
    </svg>
  );
}
