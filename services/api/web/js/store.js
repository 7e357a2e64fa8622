// Live state shared by all pages: a store tells its readers of a change at once, and of those that follow it
// together, so that a burst draws twice.
import { isOpen } from "./alarms.js";
import { useEffect, useState } from "./ui.js";

const DRAW_EVERY_MS = 40;

export function createStore(initial) {
  let state = initial;
  let timer = 0;
  let told_ms = -Infinity;
  const readers = new Set();
  const tell = () => {
    timer = 0;
    told_ms = performance.now();
    for (const reader of [...readers]) reader(state);
  };
  return {
    get: () => state,
    set(patch) {
      state = { ...state, ...(typeof patch === "function" ? patch(state) : patch) };
      timer ||= setTimeout(tell, told_ms + DRAW_EVERY_MS - performance.now());
    },
    subscribe(reader) {
      readers.add(reader);
      return () => readers.delete(reader);
    },
  };
}

// Re-renders only when what `select` returns changes.
export function useStore(store, select) {
  const [, draw] = useState(0);
  const value = select(store.get());
  useEffect(() => {
    let last = select(store.get());
    if (last !== value) draw((n) => n + 1);
    return store.subscribe((state) => {
      const next = select(state);
      if (next !== last) {
        last = next;
        draw((n) => n + 1);
      }
    });
  }, [store]);
  return value;
}

// Alarms by id (open ones, and those closed since the page was loaded),
// notices by id, health of the connection.
export const live = createStore({
  session: undefined, // undefined: not asked yet, null: signed out
  endedAt: 0, // when the server ended the session of who was here, in server time; 0: nobody's, or by a press
  alarms: new Map(),
  notices: new Map(),
  system: null,
  areas: [],
  connection: "connecting", // connecting, live, lost
  lostAt: 0,
  databaseAway: false, // lost, and the server says that it is its database that does not answer
  loaded: false,
  outdated: false, // the server has a newer release than this page
  round: 0, // grows with every fresh start of the stream: what was read before may have missed something
});

// Devices change many times a second, so they live in one mutable map
// with its own listeners, told what is now known.
const devices = new Map();
const said = new Map(); // what the stream said last of each device, and when
const deviceReaders = new Set();

export const knownDevices = devices;

function tellOfDevices(items, gone = []) {
  for (const reader of [...deviceReaders]) reader(items, gone);
}

function know(items) {
  for (const device of items) devices.set(device.code, { ...devices.get(device.code), ...device });
  tellOfDevices(items.map(({ code }) => devices.get(code)));
}

// What the stream says.
export function hearDevices(items) {
  const at = performance.now();
  for (const item of items) said.set(item.code, { at, item });
  know(items);
}

// An answer to what was asked at `askedAt` (performance.now()).
// It may be slow on its way: what the stream said since is newer.
export function putDevices(items, askedAt) {
  know(
    items.map((device) => {
      const heard = said.get(device.code);
      return heard?.at > askedAt ? { ...device, ...heard.item } : device;
    }),
  );
}

// All that have a place, asked for at `askedAt`: any other that has one is no longer this person's to see.
export function putAllPlaced(items, askedAt) {
  putDevices(items, askedAt);
  const all = new Set(items.map(({ code }) => code));
  const isGone = ({ code, location }) => location && !all.has(code) && !(said.get(code)?.at > askedAt);
  const gone = [...devices.values()].filter(isGone).map(({ code }) => code);
  for (const code of gone) devices.delete(code);
  if (gone.length) tellOfDevices([], gone);
}

// Readers are told what is now known, and which codes are known no longer.
export function onDevices(reader) {
  deviceReaders.add(reader);
  return () => deviceReaders.delete(reader);
}

// The newest known copy of one device; draws again when it changes.
export function useDevice(code) {
  const [, draw] = useState(0);
  useEffect(
    () =>
      onDevices((items) => {
        if (items.some((device) => device.code === code)) draw((n) => n + 1);
      }),
    [code],
  );
  return devices.get(code);
}

// A page that is open for weeks keeps the newest of what is over, and all that is not.
const OVER_KEPT = 300;
const SETTLED = ["delivered", "withdrawn"];

function letGo(known, over, at) {
  if (over.length < 2 * OVER_KEPT) return; // rarely, and many at once
  over.sort((a, b) => Date.parse(at(b)) - Date.parse(at(a)));
  for (const { id } of over.slice(OVER_KEPT)) known.delete(id);
}

// Somebody else is here now: what the one before saw is not theirs.
export function forgetAll() {
  const gone = [...devices.keys()];
  devices.clear();
  said.clear();
  tellOfDevices([], gone);
  live.set({
    alarms: new Map(),
    notices: new Map(),
    system: null,
    areas: [],
    connection: "connecting",
    loaded: false,
  });
}

export function putAlarms(items, replaceOpen = false) {
  live.set(({ alarms }) => {
    const next = new Map(replaceOpen ? [] : alarms);
    for (const alarm of items) {
      const known = next.get(alarm.id);
      if (!known || known.version <= alarm.version) next.set(alarm.id, alarm);
    }
    const closed = [...next.values()].filter((alarm) => !isOpen(alarm));
    letGo(next, closed, (alarm) => alarm.closed_at);
    return replaceOpen ? { alarms: next, loaded: true } : { alarms: next };
  });
}

export function putNotices(items, replace = false) {
  live.set(({ alarms, notices }) => {
    const next = new Map(replace ? [] : notices);
    for (const notice of items) next.set(notice.id, { ...next.get(notice.id), ...notice });
    const isStillOpen = (id) => alarms.has(id) && isOpen(alarms.get(id));
    const settled = [...next.values()].filter(
      ({ state, alarm_id }) => SETTLED.includes(state) && !isStillOpen(alarm_id),
    );
    letGo(next, settled, (notice) => notice.created_at);
    return { notices: next };
  });
}
