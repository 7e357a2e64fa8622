// What the map draws, read once per opening; light, so that it can be fetched while the map library is still loading.
import { get, Problem } from "../api.js";
import { putDevices } from "../store.js";

const COUNTY = [[110.93, 38.65], [111.43, 39.17]];

export const asDevices = (geojson) => geojson.features.map(({ properties, geometry }) => (
  { ...properties, location: geometry && { lon: geometry.coordinates[0], lat: geometry.coordinates[1] } }));

async function read() {
  const [settings, geojson] = await Promise.all([
    get("/api/v1/map").catch((problem) => { if (problem instanceof Problem && problem.status === 404) return null; throw problem; }),
    get("/geo/devices.geojson"),
  ]);
  putDevices(asDevices(geojson));
  const given = settings ?? { basemap: { kind: "plain" }, layers: [] };
  return { settings: { ...given, bounds: given.bounds ?? COUNTY }, geojson };
}

let early = null;

// Begun before the page is there; the next readMap() takes the answer, once.
export function readMapEarly() {
  if (early) return;
  early = read();
  early.catch(() => { early = null; });
}

export function readMap() {
  const answer = early ?? read();
  early = null;
  return answer;
}
