// Line icons, drawn for this page. Decorative: the text beside them says the same.
import { html } from "./ui.js";

const PATHS = {
  desk: "M4 5h16v11H4zM9 20h6M12 16v4M8 9h8M8 12h5",
  map: "M9 4 3.5 6.5v13L9 17l6 2.5 5.5-2.5V4L15 6.5zM9 4v13M15 6.5v13",
  devices: "M5 4h14v6H5zM5 14h14v6H5zM8 7h.01M8 17h.01M12 7h4M12 17h4",
  water:
    "M12 3.5c3.6 4.4 5.5 7.6 5.5 10.2a5.5 5.5 0 0 1-11 0C6.500 11.100 8.400 7.900 12 3.500z"
    + "M9.500 14.500a2.500 2.500 0 0 0 2.500 2.500",
  system: "M4 13h3l2.500-7 4.500 13 2.500-6H20",
  admin:
    "M14.500 4.500a5 5 0 0 0-4.800 6.500L4 16.700 7.300 20l5.700-5.700a5 5 0 0 0 6.500-4.800l-3 3"
    + "-3.500-1-1-3.500z",
  wall: "M3 5h18v12H3zM8 21h8M7 9l3 3-3 3",
  hydrant: "M9 8a3 3 0 0 1 6 0v12H9zM7 20h10M6.500 12H9M15 12h2.500M10.500 4.500h3M7.500 8h9",
  electrical: "M13 3 5.500 13.500H11L10 21l8-11h-5.500z",
  panel: "M5 4h14v16H5zM8 8h8M8 11.500h5M8.500 16h.01M12 16h.01M15.500 16h.01",
  fire:
    "M12 3c.5 3.500 5.500 5.700 5.500 11a5.500 5.500 0 0 1-11 0c0-2.200 1-3.700 2.200-5 "
    + ".3 1.700 1 2.500 1.800 2.800C10.200 8.800 10.500 5.500 12 3z",
  bell: "M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 1.500h-15zM10 20.500h4",
  device: "M7 3h10v18H7zM10.500 17.500h3M7 6.500h10M7 15h10",
  check: "M5 12.500 10 17.500 19.500 7",
  cross: "M6 6l12 12M18 6 6 18",
  note: "M5 4h14v12l-4.500 4H5zM8.500 9h7M8.500 12.500h4M14.500 20v-4H19",
  pause: "M8.500 5v14M15.500 5v14",
  play: "M8 5l11 7-11 7z",
  phone:
    "M6 3.500h3.500l1.500 4.500-2 1.500a11 11 0 0 0 5.500 5.500l1.500-2 4.500 1.500"
    + "V18a2.500 2.500 0 0 1-2.500 2.500A15.500 15.500 0 0 1 3.500 6 2.500 2.500 0 0 1 6 3.500z",
  key: "M8 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 12h8.500M16.500 12v3.500M20.500 12v3.500",
  link:
    "M9.500 14.500l5-5M8 11l-2.500 2.500a3.500 3.500 0 0 0 5 5L13 16"
    + "M11 8l2.500-2.500a3.500 3.500 0 0 1 5 5L16 13",
  sound:
    "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500z"
    + "M15.500 9a4.200 4.200 0 0 1 0 6M18 6.500a7.800 7.800 0 0 1 0 11",
  mute: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500zM16 9.500l5 5M21 9.500l-5 5",
  theme: "M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8z",
  language:
    "M4 6h9M8.500 4v2M11 6c-.8 4-3.500 6.500-6.500 8M6 9c1.200 2.500 3 4 5.500 5"
    + "M12.500 20l4-10 4 10M13.800 17h5.400",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.500 20c.8-4 3.800-6 7.500-6s6.700 2 7.500 6",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  target: "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM12 2v4M12 18v4M2 12h4M18 12h4",
  arrow: "M12 20V4M6 10l6-6 6 6",
  back: "M15 5l-7 7 7 7",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  warn: "M12 4 2.500 20h19zM12 10v5M12 17.500v.01",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.500l3 2",
  door: "M6 20V4h9v16M4 20h16M12 12h.01M15 6h3v14",
  help:
    "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM9.500 9.500a2.500 2.500 0 1 1 3.800 2.100"
    + "c-.9.600-1.300 1.100-1.300 2M12 16.800v.01",
  print: "M7 9V4h10v5M7 17H4V9h16v8h-3M7 14h10v6H7z",
};

export function Icon({ name, size = 20 }) {
  return html`<svg
    class="icon"
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    aria-hidden="true"
    focusable="false"
  >
    <path d=${PATHS[name] ?? PATHS.device} />
  </svg>`;
}

// Severity is never colour alone: each has its own shape.
const SHAPES = {
  critical: "M8 .8 15.200 8 8 15.200 .8 8z",
  major: "M8 1.500 15 14.200H1z",
  minor: "M2 2h12v12H2z",
  info: "M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13z",
};

export const SeverityMark = ({ severity, size = 14 }) => html`<svg
  class=${`mark mark-${severity}`}
  width=${size}
  height=${size}
  viewBox="0 0 16 16"
  aria-hidden="true"
>
  <path d=${SHAPES[severity] ?? SHAPES.info} />
</svg>`;
