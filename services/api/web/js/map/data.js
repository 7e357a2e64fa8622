// What the map draws, asked for once per opening: the ground at once, the devices as soon as they are there.
import { get, Problem, query } from "../api.js";
import { live, putAllPlaced, putDevices } from "../store.js";

const MOST = 50_000; // devices in one answer
const COUNTY = [
  [110.93, 38.65],
  [111.43, 39.17],
];
export const PLAIN = { basemap: { kind: "plain" }, layers: [], bounds: COUNTY };

const asDevices = (geojson) =>
  geojson.features.map(({ properties, geometry }) => ({
    ...properties,
    location: geometry && { lon: geometry.coordinates[0], lat: geometry.coordinates[1] },
  }));

const orPlain = (problem) => {
  if (problem instanceof Problem && problem.status === 404) return PLAIN;
  throw problem;
};

function read() {
  const settings = get("/api/v1/map")
    .catch(orPlain)
    .then((given) => ({ ...given, bounds: given.bounds ?? COUNTY }));
  const askedAt = performance.now();
  const geojson = get("/geo/devices.geojson?brief=true").then((devices) => {
    const put = devices.features.length < MOST ? putAllPlaced : putDevices;
    put(asDevices(devices), askedAt);
    return devices;
  });
  for (const answer of [settings, geojson]) answer.catch(() => null); // whoever waits for it hears of it
  return { settings, geojson };
}

let early = null;
live.subscribe(({ session }) => {
  if (session === null) early = null; // it may be of another person's devices
});

// Begun before the page is there; the next readMap() takes the answers, once.
export function readMapEarly() {
  if (early) return;
  const begun = (early = read());
  Promise.all([begun.settings, begun.geojson]).catch(() => {
    if (early === begun) early = null;
  });
}

// {settings, geojson}: two promises. The map opens with the first while the second is on its way.
export function readMap() {
  const answer = early ?? read();
  early = null;
  return answer;
}

// Where an area lies, as [[west, south], [east, north]]; null where the server does not say.
export const boundsOf = (area) =>
  get(query("/api/v1/map", { area })).then(
    ({ bounds }) => bounds ?? null,
    () => null,
  );
