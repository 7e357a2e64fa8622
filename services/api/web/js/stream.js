// Live status. Says at once when the connection breaks, opens it again, and fetches anew what was missed.
import { isOpen, isOut } from "./alarms.js";
import { get, getAll, Problem } from "./api.js";
import { serverNow, syncClock } from "./clock.js";
import { identity, keep, kept } from "./kept.js";
import { openLine } from "./line.js";
import { hearDevices, knownDevices, live, putAlarms, putNotices } from "./store.js";

const RETRY_MS = 1500;
const ASK_AGAIN_MS = 3000;
const SYSTEM_EVERY_MS = 5000;
const QUIET_LIMIT_MS = 40_000; // a healthy stream says something far more often

let line = null; // what the present connection is known by
let closeLine = () => null;
let retryTimer = 0;
let lastWord = 0;
const alarmReaders = new Set();
const fetching = new Set();

// Told of every alarm as it arrives by the stream (not of those fetched).
export function onAlarm(reader) {
  alarmReaders.add(reader);
  return () => alarmReaders.delete(reader);
}

function lost(databaseAway, since = Date.now()) {
  if (live.get().connection !== "lost") live.set({ connection: "lost", lostAt: since });
  if (live.get().databaseAway !== databaseAway) live.set({ databaseAway });
}

// What the stream says while `read` fetches lists is put over them again: they may be older than that. What
// was asked for before the connection broke is older than what the next one fetched, and may be another
// person's by then: `read` puts it nowhere.
async function beside(read) {
  const meanwhile = { alarms: [], notices: [] };
  const mine = line;
  fetching.add(meanwhile);
  try {
    await read(meanwhile, () => line !== mine);
  } finally {
    fetching.delete(meanwhile);
  }
}

export const readNotices = () =>
  beside(async (meanwhile, isPast) => {
    const { items } = await get("/api/v1/notices?limit=200");
    if (isPast()) return;
    putNotices(items);
    putNotices(meanwhile.notices);
  });

const refetch = () =>
  beside(async (meanwhile, isPast) => {
    const later = get("/api/v1/notices?limit=200");
    later.catch(() => null); // told below, unless the alarms are refused as well
    const [alarms, system] = await Promise.all([
      getAll("/api/v1/alarms", { state: "open" }, 5000),
      get("/api/v1/system").catch((problem) => {
        if (problem.status === 404) return null;
        throw problem;
      }),
    ]);
    if (isPast()) return;
    putAlarms(alarms, true);
    putAlarms(meanwhile.alarms);
    live.set({ system });
    const notices = await later;
    if (isPast()) return;
    putNotices(notices.items, true);
    putNotices(meanwhile.notices);
    live.set(({ round }) => ({ round: round + 1 }));
  });

function heard() {
  lastWord = Date.now();
  if (live.get().connection !== "live") live.set({ connection: "live", lostAt: 0, databaseAway: false });
}

const MOST_TURNED = 20; // asked for one by one

// A device that goes out of service, or comes back, changes what its alarms say, and the alarms themselves
// do not change.
function rereadTurned(items) {
  const out = new Map(items.map(({ code, status }) => [code, status === "out_of_service"]));
  reread((alarm) => out.has(alarm.device) && out.get(alarm.device) !== isOut(alarm, serverNow()));
}

// It was prolonged: what its alarms say is over, and it is out all the same.
function rereadEnded() {
  const isOutNow = (code) => knownDevices.get(code)?.status === "out_of_service";
  reread((alarm) => alarm.out_of_service && !isOut(alarm, serverNow()) && isOutNow(alarm.device));
}

function reread(isOld) {
  const turned = new Set();
  for (const alarm of live.get().alarms.values())
    if (isOpen(alarm) && isOld(alarm)) turned.add(alarm.device);
  if (turned.size > MOST_TURNED) refetch().catch(() => null);
  else
    for (const device of turned)
      getAll("/api/v1/alarms", { state: "open", device }).then(putAlarms, () => null);
}

const EVENTS = {
  device({ items = [] }) {
    hearDevices(items);
    rereadTurned(items);
  },
  alarm(alarm) {
    putAlarms([alarm]);
    for (const each of fetching) each.alarms.push(alarm);
    for (const reader of [...alarmReaders]) reader(alarm);
  },
  notice(notice) {
    putNotices([notice]);
    for (const each of fetching) each.notices.push(notice);
  },
  ping: (data) => syncClock(data.now),
  resync: (_, still) => refetch().catch(still(fail)),
};

function open() {
  stopStream();
  lastWord = Date.now();
  const mine = (line = {});
  const still = (act) => (outcome) => {
    if (line === mine) act(outcome);
  }; // not after this connection was lost
  closeLine = openLine(identity(live.get().session), {
    open: () => refetch().then(still(heard), still(fail)),
    lost: fail,
    event(name, data) {
      lastWord = Date.now(); // and no more: what is shown may still be of before this connection
      EVENTS[name](data ? JSON.parse(data) : {}, still);
    },
  });
}

function fail(problem) {
  if (!live.get().session) return;
  lost(problem?.code === "database_away");
  stopStream();
  retryTimer = setTimeout(retry, problem instanceof Problem && problem.status === 429 ? 10_000 : RETRY_MS);
}

// A stream does not say why it failed: ask whether the database answers (a deaf one would only make us wait),
// then for the session, so that a signed-out page shows the login, and one whose browser signed in as
// somebody else is theirs.
async function retry() {
  try {
    await get("/readyz", { limit_ms: 4000 });
    const session = await get("/api/v1/session", { limit_ms: 4000 });
    if (identity(session) !== identity(live.get().session)) live.set({ session });
    open();
  } catch (problem) {
    fail(problem);
  }
}

// The system poll is also the heartbeat that notices a cable pulled without a word.
async function beat() {
  if (!live.get().session || live.get().connection === "lost") return;
  rereadEnded();
  const quiet_ms = Date.now() - lastWord;
  if (quiet_ms > QUIET_LIMIT_MS || quiet_ms < 0) {
    // below 0 this PC's clock was set back, and how long nothing was heard is not known
    live.set({ connection: "connecting" }); // what is shown is of then: not live before it is fetched anew
    open();
  }
  try {
    live.set({ system: await get("/api/v1/system", { limit_ms: 4000 }) });
    keep("heard", Date.now());
  } catch (problem) {
    if (problem.status === 0 || problem.status >= 500) fail(problem);
  }
}

// Who is signed in, asked until the server says. Meanwhile the page tells what does not answer: an unattended
// screen must not stay dark after a restart of the server. Where nothing at all answers, the one who was
// signed in here sees what this browser kept.
export async function askWho() {
  const before = kept("session");
  try {
    live.set({ session: await get("/api/v1/session", before ? { limit_ms: 4000 } : {}) });
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) {
      live.set({ session: null });
      return;
    }
    if (before && problem.status === 0) {
      lost(false, kept("heard") ?? Date.now());
      live.set({ session: before });
      return;
    }
    const why = await get("/readyz", { limit_ms: 4000 }).then(
      () => problem,
      (away) => away,
    );
    lost(why.code === "database_away");
    setTimeout(askWho, ASK_AGAIN_MS);
  }
}

let started = false;
export function startStream() {
  open();
  if (started) return;
  started = true;
  setInterval(beat, SYSTEM_EVERY_MS);
  addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") beat(); // a phone or a laptop that slept
  });
  addEventListener("offline", () => fail());
  addEventListener("online", () => {
    if (live.get().session) retry();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted && live.get().session) open();
  });
}

export function stopStream() {
  clearTimeout(retryTimer);
  line = null;
  closeLine();
}
