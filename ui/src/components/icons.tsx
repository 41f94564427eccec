// SPDX-License-Identifier: Apache-2.0
// Line icons on a 24-unit grid, drawn for this page, and the watchtower mark.

const PATHS = {
  today: 'M4 12a8 8 0 1 0 16 0 8 8 0 0 0-16 0M12 8v4l2.500 2.500',
  alert: 'M12 4 3.500 19h17zM12 10v4M12 16.500v.1',
  case: 'M4 8h16v11H4zM9 8V5.500h6V8M4 13h16',
  hunt: 'M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13M15.500 15.500 20 20',
  agency: 'M4 20h16M6 20V9.500M10 20V9.500M14 20V9.500M18 20V9.500M3.500 9.500h17L12 4z',
  report: 'M6 3.500h8.500L18 7v13.500H6zM14 3.500V7.500h4M9 12h6M9 15.500h6',
  sensor: 'M12 13.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3M8.500 15.500a5 5 0 0 1 0-7M15.500 8.500a5 5 0 0 1 0 7M5.700 18.300a9 9 0 0 1 0-12.600M18.300 5.700a9 9 0 0 1 0 12.600',
  users: 'M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7M3 19.500c.5-3.500 2.800-5 6-5s5.500 1.500 6 5M15.500 4.800a3.500 3.500 0 0 1 0 6.400M17.500 14.900c2 .7 3.200 2.200 3.500 4.600',
  audit: 'M12 3.500 5 6v5.500c0 4.500 3 7.500 7 9 4-1.500 7-4.500 7-9V6zM9 11.800l2.200 2.200 4-4.200',
  work: 'M5 5h14v14H5zM8.500 12l2.500 2.500 4.500-5',
  more: 'M5 7h14M5 12h14M5 17h14',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  archive: 'M4 5h16v4H4zM5.500 9v10.500h13V9M10 13h4',
  up: 'M12 19V6M6.500 11 12 5.500l5.500 5.500',
  flag: 'M6 21V4M6 4.500h11l-2.500 4 2.500 4H6',
  down: 'M12 5v13M6.500 13l5.500 5.500 5.500-5.500',
  download: 'M12 4v11M7.500 11l4.500 4.500 4.500-4.500M5 20h14',
  upload: 'M12 16V5M7.500 9 12 4.500 16.500 9M5 20h14',
  plus: 'M12 5v14M5 12h14',
  left: 'M14.500 5.500 8 12l6.500 6.500',
  right: 'M9.500 5.500 16 12l-6.500 6.500',
  clock: 'M4 12a8 8 0 1 0 16 0 8 8 0 0 0-16 0M12 7.500V12l3 2',
  dots: 'M6 12h.1M12 12h.1M18 12h.1',
  send: 'M4 12 20 5l-5 15-3.500-6.500zM11.500 13.500 20 5',
  link: 'M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3A4 4 0 0 0 11 18.700l1-1',
  filter: 'M4 6h16M7 12h10M10 18h4',
  key: 'M8 16.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7M11.500 13H20v3M17 13v2.500',
  out: 'M10 4.500H5v15h5M14 8l4 4-4 4M18 12H9',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 3v1.500M12 19.500V21M3 12h1.500M19.500 12H21M5.600 5.600l1.100 1.100M17.300 17.300l1.100 1.100M5.600 18.400l1.100-1.100M17.300 6.700l1.100-1.100',
  moon: 'M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10',
  screen: 'M4 5h16v11H4zM9 20h6M12 16v4',
  phone: 'M6.500 4h3l1.500 4-2 1.500a11 11 0 0 0 5.500 5.500l1.500-2 4 1.500v3c0 1-1 2-2 2A16 16 0 0 1 4.500 6c0-1 1-2 2-2',
  mail: 'M4 6h16v12H4zM4 7l8 6 8-6',
  file: 'M6 3.500h8.500L18 7v13.500H6zM14 3.500V7.500h4',
  info: 'M4 12a8 8 0 1 0 16 0 8 8 0 0 0-16 0M12 11v5M12 8v.1',
  pause: 'M9 6v12M15 6v12',
  host: 'M4 5h16v6H4zM4 13h16v6H4zM7.500 8h.1M7.500 16h.1',
  edit: 'M5 19h3.500L19 8.500 15.500 5 5 15.500zM13 7.500 16.500 11',
  undo: 'M9 7 4.500 11.500 9 16M5 11.500h9a5 5 0 0 1 0 10h-2',
  history: 'M4.500 12a7.500 7.500 0 1 0 2.500-5.600L4.500 8.700M4.500 4.500v4.200h4.200M12 8v4l2.500 2',
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
        <path d="M5 12.500c4-.6 7.600-2.600 11-6 3.400 3.400 7 5.400 11 6" />
        <path d="M9.500 12.500v4h13v-4" />
        <path d="M11.500 16.500 9.500 26.500M20.500 16.500l2 10M7.500 26.500h17M10.800 21.500h10.400" />
      </g>
      <circle cx="16" cy="12.200" r="1.700" fill="#ffd27a" />
    </svg>
  );
}
