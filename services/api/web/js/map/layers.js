// The layers of devices and names. Where names have no room for all, the one of the layer above is shown: the
// map draws the last layer first. A name never lies over another, nor over the number of a cluster.
import { FONT } from "./style.js";

// Feature state wins over what the file said when it was read.
const ALARM = ["coalesce", ["feature-state", "alarm"], ["get", "alarm"], ""];
const STATUS = ["coalesce", ["feature-state", "status"], ["get", "status"]];
const inAlarm = ["in", ALARM, ["literal", ["critical", "major", "minor"]]];
const byState = (alarm, online, offline, otherwise) => [
  "case",
  inAlarm, alarm,
  ["==", STATUS, "online"], online,
  ["==", STATUS, "offline"], offline,
  otherwise,
];

// Only what is not as it should be stands out: a healthy device is a pale grey shape, an offline one hollow,
// and severity has its colour here and its shape in the mark of the alarm.
function deviceColour(c) {
  const severity = ["match", ALARM, "critical", c.critical, "major", c.major, c.minor];
  return byState(severity, c["ink-3"], c["map-land"], ["match", STATUS, "discovered", c.info, c.off]);
}

const deviceEdge = (c) => byState(c["map-land"], c["map-land"], c.off, c["map-land"]);
const HEALTHY_OPACITY = 0.6;
const deviceOpacity = byState(1, HEALTHY_OPACITY, 1, 1);

// From here on devices have names, and their shapes keep the names off.
const NAMES_ZOOM = 15.5;
const ALL_SIDES = ["top", "bottom", "left", "right"];

const clusters = (c, size) => ({
  id: "clusters",
  type: "circle",
  source: "devices",
  filter: ["has", "point_count"],
  paint: {
    "circle-color": c.raise,
    "circle-stroke-color": c["line-2"],
    "circle-stroke-width": 1.5,
    "circle-opacity": 0.95,
    "circle-radius": [
      "interpolate", ["linear"], ["get", "point_count"],
      2, 13 * size,
      100, 20 * size,
      1000, 30 * size,
    ],
  },
});

const counts = (c, size) => ({
  id: "cluster-counts",
  type: "symbol",
  source: "devices",
  filter: ["has", "point_count"],
  layout: {
    "text-field": ["get", "point_count_abbreviated"],
    "text-font": FONT,
    "text-size": 13 * size,
    "text-padding": 8 * size, // about as wide as the disc under it
    "text-allow-overlap": true,
  },
  paint: { "text-color": c.ink },
});

const shapes = (c, size) => ({
  id: "devices",
  type: "symbol",
  source: "devices",
  filter: ["!", ["has", "point_count"]],
  layout: {
    "icon-image": ["get", "kind"],
    "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.32 * size, 13, 0.52 * size, 17, 0.9 * size],
    "icon-padding": 0,
    "icon-allow-overlap": true,
    "icon-ignore-placement": ["step", ["zoom"], true, NAMES_ZOOM, false],
  },
  paint: {
    "icon-color": deviceColour(c),
    "icon-opacity": deviceOpacity,
    "icon-halo-color": deviceEdge(c),
    "icon-halo-width": 1.5,
  },
});

const areaNames = (c, size) => ({
  id: "areas",
  type: "symbol",
  source: "areas",
  maxzoom: NAMES_ZOOM,
  layout: {
    "text-field": ["get", "name"],
    "text-font": FONT,
    "text-size": 14.5 * size,
    "text-letter-spacing": 0.12,
    "text-variable-anchor": ["bottom", "top", "left", "right"],
    "text-radial-offset": 1.25,
    "text-justify": "auto",
    "symbol-sort-key": ["get", "rank"], // a township before its villages
  },
  paint: { "text-color": c["map-label"], "text-halo-color": c["map-land"], "text-halo-width": 2.5 },
});

const deviceNames = (c, size) => ({
  id: "device-names",
  type: "symbol",
  source: "devices",
  minzoom: NAMES_ZOOM,
  filter: ["!", ["has", "point_count"]],
  layout: {
    "text-field": ["get", "name"],
    "text-font": FONT,
    "text-size": 12 * size,
    "text-variable-anchor": ALL_SIDES,
    "text-radial-offset": ["interpolate", ["linear"], ["zoom"], NAMES_ZOOM, 1.4, 17, 1.75],
    "text-justify": "auto",
    // where a fire is reported from, then what it is put out with
    "symbol-sort-key": ["match", ["get", "kind"], "panel", 0, "hydrant", 1, "water", 1, 2],
  },
  paint: { "text-color": c.ink, "text-halo-color": c["map-land"], "text-halo-width": 1.5 },
});

export const deviceLayers = (c, size) =>
  [clusters, deviceNames, areaNames, shapes, counts].map((layer) => layer(c, size));
