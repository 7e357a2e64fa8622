// Places on the ground: how far and in which direction, and the datum that Chinese map applications draw in.
// Pure.
const EARTH_M = 6_371_000;
const AXIS_M = 6_378_245; // Krasovsky 1940, on which GCJ-02 stands
const ECCENTRICITY = 0.00669342162296594323;
const CHINA = { west: 72.004, south: 0.8293, east: 137.8347, north: 55.8271 }; // where GCJ-02 shifts at all

const { PI, abs, asin, atan2, cos, sin, sqrt } = Math;
const radians = (degrees) => (degrees * PI) / 180;

export function distance_m(from, to) {
  const lat = sin(radians(to.lat - from.lat) / 2);
  const lon = sin(radians(to.lon - from.lon) / 2);
  const chord = lat * lat + cos(radians(from.lat)) * cos(radians(to.lat)) * lon * lon;
  return 2 * EARTH_M * asin(Math.min(1, sqrt(chord)));
}

// Clockwise from north.
export function bearing_deg(from, to) {
  const [here, there, turn] = [radians(from.lat), radians(to.lat), radians(to.lon - from.lon)];
  const east = sin(turn) * cos(there);
  const north = cos(here) * sin(there) - sin(here) * cos(there) * cos(turn);
  return ((atan2(east, north) * 180) / PI + 360) % 360;
}

const wave = (x) => ((20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2) / 3;

function shiftLat(x, y) {
  const shift = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + wave(x);
  return (
    shift
    + ((20 * sin(y * PI) + 40 * sin((y / 3) * PI)) * 2) / 3
    + ((160 * sin((y / 12) * PI) + 320 * sin((y * PI) / 30)) * 2) / 3
  );
}

function shiftLon(x, y) {
  const shift = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + wave(x);
  return (
    shift
    + ((20 * sin(x * PI) + 40 * sin((x / 3) * PI)) * 2) / 3
    + ((150 * sin((x / 12) * PI) + 300 * sin((x / 30) * PI)) * 2) / 3
  );
}

// WGS 84 to GCJ-02, as services/api/registry/datum.py does it.
export function toGcj02({ lon, lat }) {
  if (lon < CHINA.west || lon > CHINA.east || lat < CHINA.south || lat > CHINA.north) return { lon, lat };
  const [x, y] = [lon - 105, lat - 35];
  const magic = 1 - ECCENTRICITY * sin(radians(lat)) ** 2;
  const perLat = (((AXIS_M * (1 - ECCENTRICITY)) / (magic * sqrt(magic))) * PI) / 180;
  const perLon = ((AXIS_M / sqrt(magic)) * cos(radians(lat)) * PI) / 180;
  return { lon: lon + shiftLon(x, y) / perLon, lat: lat + shiftLat(x, y) / perLat };
}
