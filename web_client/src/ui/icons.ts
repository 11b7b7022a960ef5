/** Own drawings on a 24 px grid, line 1.75, round ends. Markup only; `Icon.svelte` gives size and colour. */
export const icons = {
  alert: '<path d="M12 4 2.8 19.5h18.4zM12 10v4.5M12 17v.1"/>',
  ask: '<path d="M4 5.5h16v11h-8L7.5 20v-3.5H4z"/><path d="M10 9.2a2 2 0 1 1 2.6 1.9c-.4.2-.6.5-.6.9M12 14v.1"/>',
  back: '<path d="M9 6.5 4.5 12 9 17.5M4.5 12H19.5"/>',
  'bell-off': '<path d="M6 16.5V11a6 6 0 0 1 1-3.3M9.5 5.5A6 6 0 0 1 18 11v4M4.5 16.5h12M10 19.5a2.2 2.2 0 0 0 4 0M4 4l16 16"/>',
  bolt: '<path d="M13 3 5 13.5h6L10.5 21 19 10h-6.5z"/>',
  book: '<path d="M12 6.5C10 5 7 4.5 4 5v13.5c3-.5 6 0 8 1.5 2-1.5 5-2 8-1.5V5c-3-.5-6 0-8 1.5zM12 6.5V20"/>',
  cal: '<rect x="4" y="5.5" width="16" height="14.5" rx="2.5"/><path d="M4 10h16M8.5 3.5v4M15.5 3.5v4"/>',
  cam: '<rect x="3" y="6.5" width="12.5" height="11" rx="2.5"/><path d="m15.5 11 5.5-3v8l-5.5-3z"/>',
  'cam-off':
    '<path d="M8 6.5h5a2.5 2.5 0 0 1 2.5 2.5v2l5.5-3v8M15 16.5a2.5 2.5 0 0 1-2 1H5.5A2.5 2.5 0 0 1 3 15V9a2.5 2.5 0 0 1 1.5-2.3M4 4l16 16"/>',
  cards: '<rect x="3.5" y="6.5" width="12" height="14" rx="2"/><path d="M8.5 3.5h10a2 2 0 0 1 2 2v11.5M7 11.5h5M7 15.5h3"/>',
  chain: '<path d="M9.5 14.5 14.5 9.5M8 11l-2.5 2.5a3.5 3.5 0 0 0 5 5L13 16M16 13l2.5-2.5a3.5 3.5 0 0 0-5-5L11 8"/>',
  check: '<path d="m5.5 12.5 4.5 4.5 8.5-10"/>',
  clock: '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.5V12l3 2"/>',
  close: '<path d="m6 6 12 12M18 6 6 18"/>',
  concern: '<path d="M12 20S4 15.3 4 9.6A4.4 4.4 0 0 1 12 7a4.4 4.4 0 0 1 8 2.6C20 15.3 12 20 12 20z"/>',
  cup: '<path d="M5 9h12v6a5 5 0 0 1-5 5h-2a5 5 0 0 1-5-5zM17 10.5h1.5a2.5 2.5 0 0 1 0 5H17M8.5 3v3M12.5 3v3"/>',
  del: '<path d="M8.5 5.5H20v13H8.5L3 12zM11.5 9.5l5 5M16.5 9.5l-5 5"/>',
  door: '<path d="M6 20.5V4h10v16.5M4 20.5h16M13 12.5v.1"/>',
  down: '<path d="m6.5 9.5 5.5 5.5 5.5-5.5"/>',
  'down-file': '<path d="M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14"/>',
  ear: '<path d="M6.5 9.5a5.5 5.5 0 0 1 11 0c0 4-4 4.5-4 8 0 2-1.5 3-3 3s-3-1-3-3M9.5 10a2.5 2.5 0 0 1 5 0c0 1.5-1.5 2-2 3"/>',
  'ear-off':
    '<path d="M8 8.5A5 5 0 0 1 17.5 10c0 2-1 3-2 4M6.5 10.5c0-.6.1-1.2.3-1.7M13.5 16c-.3 2.5-1.3 4.5-3.5 4.5-2 0-3-1.5-3-3M10.5 10.5a2 2 0 0 1 3.5-1.3M4 4l16 16"/>',
  end: '<path d="M2.8 14.3c5-5.7 13.4-5.7 18.4 0 .6.7.5 1.7-.2 2.2l-2 1.4c-.7.5-1.6.3-2.1-.4l-1.3-2a11 11 0 0 0-7.2 0l-1.3 2c-.5.7-1.4.9-2.1.4l-2-1.4c-.7-.5-.8-1.5-.2-2.2z"/>',
  eye: '<path d="M3 12s3-6 9-6 9 6 9 6-3 6-9 6-9-6-9-6z"/><circle cx="12" cy="12" r="2.5"/>',
  'eye-off':
    '<path d="M5 8.5C3.6 10 3 12 3 12s3 6 9 6c1.5 0 2.8-.4 4-1M9 6.5c1-.3 2-.5 3-.5 6 0 9 6 9 6s-.7 1.5-2.2 3M4 4l16 16"/>',
  flag: '<path d="M6 21V4M6 4.5h11l-2.5 4 2.5 4H6"/>',
  full: '<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"/>',
  globe: '<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c3 2.5 3 14.5 0 17M12 3.5c-3 2.5-3 14.5 0 17"/>',
  hand: '<path d="M8 12.5V5.8a1.4 1.4 0 0 1 2.8 0V11V4.4a1.4 1.4 0 0 1 2.8 0V11V5.4a1.4 1.4 0 0 1 2.8 0V13V8.6a1.4 1.4 0 0 1 2.8 0V15a6 6 0 0 1-6 6h-1.5a6 6 0 0 1-4.7-2.3L4 15.3c-1-1.4.8-3 2.2-2z"/>',
  head: '<path d="M4.5 15v-3a7.5 7.5 0 0 1 15 0v3M4.5 14.5h2a1 1 0 0 1 1 1V19a1 1 0 0 1-1 1h-1a1 1 0 0 1-1-1zM19.5 14.5h-2a1 1 0 0 0-1 1V19a1 1 0 0 0 1 1h1a1 1 0 0 0 1-1z"/>',
  info: '<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8v.1"/>',
  key: '<circle cx="8" cy="14.5" r="4.5"/><path d="m11.5 11.5 8-8M16 7l2.5 2.5"/>',
  keyboard:
    '<rect x="2.5" y="6" width="19" height="12.5" rx="2.5"/><path d="M6.5 10h.1M10 10h.1M13.5 10h.1M17 10h.1M7.5 14.5h9"/>',
  keypad:
    '<rect x="5" y="3" width="14" height="18" rx="2.5"/><path d="M9 8h.1M12 8h.1M15 8h.1M9 12h.1M12 12h.1M15 12h.1M9 16h.1M12 16h.1M15 16h.1" stroke-width="2.4"/>',
  lock: '<rect x="5" y="10.5" width="14" height="10" rx="2.5"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5M12 14.5v2"/>',
  mic: '<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/>',
  'mic-off':
    '<path d="M9 9V6a3 3 0 0 1 6 0v5a3 3 0 0 1-.2 1M5.5 11.5a6.5 6.5 0 0 0 10.6 5M18.5 11.5a6.5 6.5 0 0 1-.6 2.7M12 18v3M4 4l16 16"/>',
  moon: '<path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z"/>',
  net: '<path d="M3 9.5a13 13 0 0 1 18 0M6.5 13a8 8 0 0 1 11 0M9.5 16.3a3.7 3.7 0 0 1 5 0M12 19.5v.1"/>',
  'net-off':
    '<path d="M3 9.5a13 13 0 0 1 5-3M12 5.8a13 13 0 0 1 9 3.7M6.5 13a8 8 0 0 1 4.5-2.2M9.5 16.3a3.7 3.7 0 0 1 5 0M12 19.5v.1M4 4l16 16"/>',
  next: '<path d="m9.5 6 6 6-6 6"/>',
  note: '<path d="M6 3.5h9l4 4v13H6zM14.5 3.5v4.5H19M9 12.5h6M9 16h4"/>',
  out: '<path d="M10 20H6.5A1.5 1.5 0 0 1 5 18.5v-13A1.5 1.5 0 0 1 6.5 4H10M15 8l4 4-4 4M19 12H9.5"/>',
  pause: '<path d="M8.5 5v14M15.5 5v14"/>',
  phone:
    '<path d="M6.5 3.5h2.7l1.5 4.2-2 1.5a12 12 0 0 0 6 6l1.6-2 4.2 1.5v2.8a2 2 0 0 1-2.2 2A16.5 16.5 0 0 1 4.5 5.7a2 2 0 0 1 2-2.2z"/>',
  play: '<path d="M8 5.5v13l10.5-6.5z"/>',
  plus: '<path d="M12 5v14M5 12h14"/>',
  prev: '<path d="m14.5 6-6 6 6 6"/>',
  'rec-off': '<circle cx="12" cy="12" r="8.5"/><path d="m6 6 12 12"/>',
  repeat: '<path d="M5 12a7 7 0 0 1 12-4.9L19 9M19 4.5V9h-4.5M19 12a7 7 0 0 1-12 4.9L5 15M5 19.5V15h4.5"/>',
  search: '<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>',
  secret:
    '<path d="M3.5 4.5h17v12h-8.5L8 20v-3.5H3.5z"/><rect x="9" y="9.5" width="6" height="4.5" rx="1"/><path d="M10.3 9.5V8.7a1.7 1.7 0 0 1 3.4 0v.8"/>',
  settings: '<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>',
  short: '<path d="M4 8h16M4 12h9M4 16h5M17 13v6M14.5 16.5 17 19l2.5-2.5"/>',
  slow: '<path d="M4 16.5c0-5 3-8 6.5-8s6.5 3 6.5 8zM17 14.5l1.5-4a2 2 0 1 1 2.5 2.3c-.3 1.7-1.5 3.7-4 3.7M6.5 16.5v2.5M14 16.5v2.5M8 12.5h5"/>',
  sound: '<path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a7.5 7.5 0 0 1 0 11"/>',
  sun: '<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4"/>',
  swap: '<path d="M4 8.5h14M14.5 5 18 8.5 14.5 12M20 15.5H6M9.5 12 6 15.5 9.5 19"/>',
  'swap-user':
    '<circle cx="9" cy="7.5" r="3.5"/><path d="M2.5 19.5a6.5 6.5 0 0 1 11-4.7M14.5 8.5a4.5 4.5 0 0 1 7-1.5M21.7 4v3.3h-3.3M22 17a4.5 4.5 0 0 1-6.8 2M14.7 21.7v-3.3h3.3"/>',
  unlock: '<rect x="5" y="10.5" width="14" height="10" rx="2.5"/><path d="M8 10.5V7.5a4 4 0 0 1 7.7-1.5M12 14.5v2"/>',
  user: '<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5a7.5 7.5 0 0 1 15 0"/>',
  users:
    '<circle cx="9" cy="8.5" r="3.5"/><path d="M2.5 19.5a6.5 6.5 0 0 1 13 0M15.5 5.3a3.5 3.5 0 0 1 0 6.4M17.5 14a6.5 6.5 0 0 1 4 5.5"/>',
} as const

export type IconName = keyof typeof icons

/** Icons that walk in reading direction and are mirrored in right-to-left pages. */
export const mirrored: ReadonlySet<IconName> = new Set<IconName>(['back', 'next', 'out', 'prev', 'short', 'slow'])
