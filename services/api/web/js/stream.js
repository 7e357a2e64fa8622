// Live status over SSE. Says at once when the connection breaks, opens it again, and fetches anew what was missed.
import { get, getAll, Problem } from "./api.js";
import { syncClock } from "./clock.js";
import { hearDevices, live, putAlarms, putNotices } from "./store.js";

const RETRY_MS = 1500;
const ASK_AGAIN_MS = 3000;
const SYSTEM_EVERY_MS = 5000;
const QUIET_LIMIT_MS = 40_000;      // a healthy stream says something far more often

let source = null;
let retryTimer = 0;
let lastWord = 0;
let systemPushedAt = 0;
const alarmReaders = new Set();
const fetching = new Set();          // what the stream says while a list is fetched: the list may be older than that

// Told of every alarm as it arrives by the stream (not of those fetched).
export function onAlarm(reader) {
  alarmReaders.add(reader);
  return () => alarmReaders.delete(reader);
}

function lost(databaseAway) {
  if (live.get().connection !== "lost") live.set({ connection: "lost", lostAt: Date.now() });
  if (live.get().databaseAway !== databaseAway) live.set({ databaseAway });
}

export async function refetch() {
  const meanwhile = { alarms: [], notices: [] };
  fetching.add(meanwhile);
  try {
    const [alarms, system] = await Promise.all([
      getAll("/api/v1/alarms", { state: "open" }, 5000),
      get("/api/v1/system").catch((problem) => { if (problem.status === 404) return null; throw problem; }),
    ]);
    putAlarms(alarms, true);
    putAlarms(meanwhile.alarms);
    live.set({ system });
    const notices = await get("/api/v1/notices?limit=200");
    putNotices(notices.items, true);
    putNotices(meanwhile.notices);
    live.set(({ round }) => ({ round: round + 1 }));
  } finally {
    fetching.delete(meanwhile);
  }
}

function heard() {
  lastWord = Date.now();
  if (live.get().connection !== "live") live.set({ connection: "live", lostAt: 0, databaseAway: false });
}

function listen(name, act) {
  source.addEventListener(name, (event) => {
    heard();
    act(event.data ? JSON.parse(event.data) : {});
  });
}

function open() {
  clearTimeout(retryTimer);
  source?.close();
  lastWord = Date.now();
  const mine = source = new EventSource("/api/v1/stream");
  const still = (act) => (outcome) => { if (source === mine && mine.readyState !== EventSource.CLOSED) act(outcome); };
  source.onopen = () => refetch().then(still(heard), still(fail));  // which may end after this stream was lost
  source.onerror = fail;
  listen("device", (data) => hearDevices(data.items ?? []));
  listen("alarm", (alarm) => {
    putAlarms([alarm]);
    for (const each of fetching) each.alarms.push(alarm);
    for (const reader of [...alarmReaders]) reader(alarm);
  });
  listen("notice", (notice) => {
    putNotices([notice]);
    for (const each of fetching) each.notices.push(notice);
  });
  listen("system", (system) => { systemPushedAt = Date.now(); syncClock(system.now); live.set({ system }); });
  listen("ping", (data) => syncClock(data.now));
  listen("resync", () => refetch().catch(still(fail)));
}

function fail(problem) {
  if (!live.get().session) return;
  lost(problem?.code === "database_away");
  source?.close();
  clearTimeout(retryTimer);
  retryTimer = setTimeout(retry, problem instanceof Problem && problem.status === 429 ? 10_000 : RETRY_MS);
}

// An EventSource does not say why it failed: ask whether the database answers (a deaf one would only make us wait), then
// for the session, so that a signed-out page shows the login.
async function retry() {
  try {
    await get("/readyz", { limit_ms: 4000 });
    await get("/api/v1/session", { limit_ms: 4000 });
    open();
  } catch (problem) {
    fail(problem);
  }
}

// The system poll is also the heartbeat that notices a cable pulled without a word.
async function beat() {
  if (!live.get().session || live.get().connection === "lost") return;
  if (Date.now() - lastWord > QUIET_LIMIT_MS) open();
  if (Date.now() - systemPushedAt < 2 * SYSTEM_EVERY_MS) return;
  try {
    live.set({ system: await get("/api/v1/system", { limit_ms: 4000 }) });
  } catch (problem) {
    if (problem.status === 0 || problem.status >= 500) fail(problem);
  }
}

// Who is signed in, asked until the server says. Meanwhile the page tells what does not answer: an unattended screen must not
// stay dark after a restart of the server.
export async function askWho() {
  try {
    live.set({ session: await get("/api/v1/session") });
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) { live.set({ session: null }); return; }
    const why = await get("/readyz", { limit_ms: 4000 }).then(() => problem, (away) => away);
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
  addEventListener("offline", () => fail());
  addEventListener("online", () => { if (live.get().session) retry(); });
}

export function stopStream() {
  clearTimeout(retryTimer);
  source?.close();
  source = null;
}
