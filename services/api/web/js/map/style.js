// The ground of the map: a plain one with a grid, or the base map from the settings, and the given layers.
// What need not be exact to the metre is cut into few tiles.
export const COARSE_ZOOM = 8;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const TOKENS = [
  ...["off", "info", "critical", "major", "minor", "ink", "ink-3", "panel", "raise", "accent", "line-2"],
  ...["drill", "map-land", "map-grid", "map-label", "map-bright"],
];

export const palette = () => Object.fromEntries(TOKENS.map((name) => [name, css(`--${name}`)]));

function grid([[west, south], [east, north]], step) {
  const lines = [];
  for (let lon = Math.ceil((west - 1) / step) * step; lon <= east + 1; lon += step)
    lines.push([
      [lon, south - 1],
      [lon, north + 1],
    ]);
  for (let lat = Math.ceil((south - 1) / step) * step; lat <= north + 1; lat += step)
    lines.push([
      [west - 1, lat],
      [east + 1, lat],
    ]);
  return { type: "Feature", geometry: { type: "MultiLineString", coordinates: lines }, properties: {} };
}

export const FONT = ["Noto Sans Regular"];

function base(map, c) {
  const { kind, url, labels_url, attribution, maxzoom } = map.basemap ?? {};
  if (kind === "raster" && url) {
    const source = (tiles) => ({
      type: "raster",
      tiles: [new URL(tiles, location.origin).href.replaceAll("%7B", "{").replaceAll("%7D", "}")],
      tileSize: 256,
      attribution: attribution ?? "",
      maxzoom: maxzoom ?? 18,
    });
    const layer = (id) => ({
      id,
      type: "raster",
      source: id,
      paint: {
        "raster-brightness-max": Number(c["map-bright"]),
        "raster-saturation": Number(c["map-bright"]) - 1,
        "raster-fade-duration": 0,
      },
    });
    return labels_url
      ? { sources: { base: source(url), names: source(labels_url) }, layers: [layer("base"), layer("names")] }
      : { sources: { base: source(url) }, layers: [layer("base")] };
  }
  if (kind === "pmtiles" && url) {
    const shape = (id, layer, type, paint, filter) => ({
      id: `base-${id}`,
      type,
      source: "base",
      "source-layer": layer,
      paint,
      ...(filter ? { filter } : {}),
    });
    return {
      sources: {
        base: {
          type: "vector",
          url: `pmtiles://${new URL(url, location.origin).href}`,
          attribution: attribution ?? "",
        },
      },
      layers: [
        shape("earth", "earth", "fill", { "fill-color": c["map-land"] }),
        shape("landuse", "landuse", "fill", { "fill-color": c["map-grid"], "fill-opacity": 0.4 }),
        shape("water", "water", "fill", { "fill-color": c.info, "fill-opacity": 0.25 }),
        shape("buildings", "buildings", "fill", { "fill-color": c["line-2"], "fill-opacity": 0.4 }),
        shape("roads", "roads", "line", {
          "line-color": c["line-2"],
          "line-width": ["interpolate", ["linear"], ["zoom"], 9, 0.5, 16, 4],
        }),
        {
          id: "base-places",
          type: "symbol",
          source: "base",
          "source-layer": "places",
          layout: {
            "text-field": ["coalesce", ["get", "name:zh"], ["get", "name"]],
            "text-font": FONT,
            "text-size": 12,
          },
          paint: { "text-color": c["map-label"], "text-halo-color": c["map-land"], "text-halo-width": 1.5 },
        },
      ],
    };
  }
  return { sources: {}, layers: [] };
}

// Townships as points with a name.
export const namesOf = (areas) => ({
  type: "FeatureCollection",
  features: areas
    .filter((area) => area.location && area.parent)
    .map((area) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: [area.location.lon, area.location.lat] },
      properties: { name: area.name, rank: area.code.length },
    })),
});

export function mapStyle(map, c) {
  const ground = base(map, c);
  const sources = {
    ...ground.sources,
    grid: { type: "geojson", data: grid(map.bounds, 0.05), maxzoom: COARSE_ZOOM },
  };
  const layers = [
    { id: "ground", type: "background", paint: { "background-color": c["map-land"] } },
    { id: "grid", type: "line", source: "grid", paint: { "line-color": c["map-grid"], "line-width": 1 } },
    ...ground.layers,
  ];
  for (const layer of map.layers ?? []) {
    sources[layer.id] = { type: "geojson", data: layer.url };
    if (layer.kind === "pipe")
      layers.push({
        id: `given-${layer.id}`,
        type: "line",
        source: layer.id,
        paint: { "line-color": c.info, "line-width": 2, "line-opacity": 0.55 },
      });
    else {
      layers.push(
        {
          id: `given-${layer.id}`,
          type: "fill",
          source: layer.id,
          filter: ["==", ["geometry-type"], "Polygon"],
          paint: { "fill-color": c.raise, "fill-opacity": 0.35 },
        },
        {
          id: `given-${layer.id}-edge`,
          type: "line",
          source: layer.id,
          paint: { "line-color": c["line-2"], "line-width": 1.2 },
        },
      );
    }
  }
  return { version: 8, sources, layers };
}
