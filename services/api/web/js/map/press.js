// What a press on the map is meant for: a flag, a device or several that stand at one place, a cluster, a
// grid, or bare ground.
const FINGER_PX = 8;

export const PRESSABLE = ["tests", "devices", "clusters"];

export function press(map, { point: { x, y }, lngLat }, { onPick, onSeveral, onPlace, onTest, onGrid }) {
  const near = [
    [x - FINGER_PX, y - FINGER_PX],
    [x + FINGER_PX, y + FINGER_PX],
  ];
  const hits = (layers, where) =>
    map.queryRenderedFeatures(where, { layers: layers.filter((layer) => map.getLayer(layer)) });
  const [flag] = onTest ? hits(["tests"], near) : [];
  if (flag) return onTest(flag.properties.site, lngLat);
  const found = hits(["devices", "clusters"], near);
  const [hit] = found;
  if (hit?.properties.cluster)
    return map
      .getSource("devices")
      .getClusterExpansionZoom(hit.properties.cluster_id)
      .then((zoom) => map.easeTo({ center: hit.geometry.coordinates, zoom: zoom + 0.3 }));
  const codes = [...new Set(found.map(({ properties: { code } }) => code).filter(Boolean))];
  if (codes.length > 1 && onSeveral) return onSeveral(codes, lngLat);
  if (hit) return onPick?.(hit.properties.code);
  const [grid] = onGrid ? hits(["grids"], [x, y]) : [];
  return grid ? onGrid(grid.properties.id, lngLat) : onPlace?.(lngLat.lng, lngLat.lat);
}
