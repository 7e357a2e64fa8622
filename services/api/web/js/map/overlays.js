// What lies over and under the devices: marks of what is out of service or under test, and the grids. Few
// features in sources of their own, so that their changes leave the source of the devices alone.
import { FONT } from "./style.js";

export const collection = (features) => ({ type: "FeatureCollection", features });

const at = (coordinates, properties) => ({
  type: "Feature",
  geometry: { type: "Point", coordinates },
  properties,
});

// Devices out of service, of those that are shown.
const pauses = (features) =>
  features
    .filter(({ geometry, properties }) => geometry && properties.status === "out_of_service")
    .map(({ geometry, properties: { code } }) => at(geometry.coordinates, { mark: "pause", code }));

// Sites under test; `label(window)` says until when.
const flags = (windows, label) =>
  windows
    .filter(({ location }) => location)
    .map((each) => {
      const { location, site_id: site } = each;
      return at([location.lon, location.lat], { mark: "flag", site, label: label(each) });
    });

export class Overlays {
  #data = { resting: collection([]), grids: collection([]) };
  #devices = [];
  #tests = [];

  // The sources as they are now, for a new style.
  sources() {
    return Object.fromEntries(
      Object.entries(this.#data).map(([name, data]) => [name, { type: "geojson", data, promoteId: "id" }]),
    );
  }

  #set(map, name, features) {
    this.#data[name] = collection(features);
    map?.getSource(name)?.setData(this.#data[name]);
  }

  showDevices(map, features) {
    const next = pauses(features);
    if (JSON.stringify(next) === JSON.stringify(this.#devices)) return;
    this.#devices = next;
    this.#set(map, "resting", [...this.#devices, ...this.#tests]);
  }

  showTests(map, windows, label) {
    this.#tests = flags(windows, label);
    this.#set(map, "resting", [...this.#devices, ...this.#tests]);
  }

  showGrids(map, features) {
    this.#set(map, "grids", features);
  }
}

export const gridLayers = (c, size) => [
  {
    id: "grids",
    type: "fill",
    source: "grids",
    paint: { "fill-color": c.accent, "fill-opacity": 0.07 },
  },
  {
    id: "grid-borders",
    type: "line",
    source: "grids",
    paint: { "line-color": c.accent, "line-width": 1.6, "line-dasharray": [4, 2] },
  },
  {
    id: "grid-names",
    type: "symbol",
    source: "grids",
    layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 12.5 * size },
    paint: { "text-color": c.accent, "text-halo-color": c["map-land"], "text-halo-width": 2 },
  },
];

const symbol = (id, mark, layout, paint) => ({
  id,
  type: "symbol",
  source: "resting",
  filter: ["==", ["get", "mark"], mark],
  layout: { "icon-image": mark, "icon-allow-overlap": true, "icon-ignore-placement": true, ...layout },
  paint,
});

// Two bars at the corner of a device, a flag where a site stands: marks by shape, whatever the colours say.
export const restLayers = (c, size, pausesFromZoom) => [
  {
    ...symbol(
      "pauses",
      "pause",
      {
        "icon-size": ["interpolate", ["linear"], ["zoom"], 13, 0.4 * size, 17, 0.62 * size],
        "icon-offset": [21, -21],
      },
      { "icon-color": c.ink, "icon-halo-color": c["map-land"], "icon-halo-width": 2 },
    ),
    minzoom: pausesFromZoom,
  },
  symbol(
    "tests",
    "flag",
    {
      "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.55 * size, 17, size],
      "icon-anchor": "bottom-left",
      "icon-offset": [-9, 4], // the foot of its pole stands on the place
      "text-field": ["get", "label"],
      "text-font": FONT,
      "text-size": 12 * size,
      "text-anchor": "bottom-left",
      "text-offset": [1.7, -0.6],
      "text-optional": true,
    },
    {
      "icon-color": c.drill,
      "icon-halo-color": c["map-land"],
      "icon-halo-width": 2,
      "text-color": c.drill,
      "text-halo-color": c["map-land"],
      "text-halo-width": 2,
    },
  ),
];
