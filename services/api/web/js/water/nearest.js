// The nearest sources of a place: asked for again and again while the page is open, kept for when nothing
// answers. What was kept goes on: its ages count, and its distances are those from where one stands now.
import { get, query } from "../api.js";
import { keep, kept } from "../kept.js";
import { isPassing } from "../problems.js";
import { useEffect, useState } from "../ui.js";
import { bearing_deg, distance_m } from "./ground.js";

const REFRESH_MS = 10_000;
const HOW_MANY = 40; // more than are looked at: one moves while there is no network
const USABLE = 10;
const BEYOND_MS = 60_000; // these are far, and the server looks through the county for them

const same = (a, b) => a && b && a.lon === b.lon && a.lat === b.lat;

const from = (place) => (source) => ({
  ...source,
  distance_m: distance_m(place, source.location),
  bearing_deg: bearing_deg(place, source.location),
});

const ask = (place, more) =>
  get(
    query("/api/v1/water-sources/nearest", {
      lon: place.lon.toFixed(6),
      lat: place.lat.toFixed(6),
      ...more,
    }),
  );

async function readBeyond(place, far) {
  if (!far.items || Date.now() - far.at > BEYOND_MS) {
    const { items } = await ask(place, { limit: USABLE, usable: true });
    Object.assign(far, { at: Date.now(), items });
  }
  const since_s = (Date.now() - far.at) / 1000;
  const older = ({ age_s }) => (age_s === null ? null : age_s + since_s);
  return far.items.map((source) => ({ ...source, age_s: older(source) }));
}

// A burst main puts out every source around it: where nearly all of the nearest are known to be out, usable
// ones are asked for by themselves, however far, and kept in `far`. `early` gets the nearest meanwhile.
async function nearest(place, far, early) {
  const { items } = await ask(place, { limit: HOW_MANY });
  const hopeful = items.filter(({ usable }) => usable !== false).length;
  if (items.length < HOW_MANY || hopeful >= USABLE) return items;
  early(items);
  const known = new Set(items.map(({ code }) => code));
  const beyond = await readBeyond(place, far).catch(() => []);
  return [...items, ...beyond.filter(({ code }) => !known.has(code))];
}

export const lastPlace = () => kept("water")?.place ?? null;

// {items, at, problem, again}: `at` is when this browser got the items.
export function useNearest(place) {
  const [answer, setAnswer] = useState(() => ({ ...kept("water"), problem: null }));
  const [round, again] = useState(0);
  useEffect(() => {
    if (!place) return undefined;
    let gone = false;
    const far = {};
    const early = (items) => {
      if (!gone)
        setAnswer((before) =>
          same(before.place, place) ? before : { items, at: Date.now(), place, problem: null },
        );
    };
    const read = () =>
      nearest(place, far, early).then(
        (items) => {
          if (gone) return;
          const found = { items, at: Date.now(), place };
          keep("water", found);
          setAnswer({ ...found, problem: null });
        },
        (problem) => {
          if (!gone) setAnswer((before) => ({ ...before, problem }));
        },
      );
    read();
    const timer = setInterval(read, REFRESH_MS);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [place?.lon, place?.lat, round]);
  const { problem, at = null } = answer;
  const away = problem && isPassing(problem);
  // What was found from another place is shown for this one only where nothing newer can be had.
  const items =
    !place || !answer.items
      ? null
      : same(answer.place, place)
        ? answer.items
        : away
          ? answer.items.map(from(place))
          : null;
  return { items, at, problem: away && items ? null : problem, away, again: () => again(round + 1) };
}

// How old the value is that a source is judged by, and whether it still says anything.
export function ageNow(source, at) {
  if (source.age_s === null || source.age_s === undefined) return { age_s: null, stale: false };
  const age_s = source.age_s + Math.max(0, Date.now() - at) / 1000;
  return { age_s, stale: age_s > (source.stale_after_s ?? Infinity) };
}
