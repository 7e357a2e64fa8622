// The one stream that all tabs of this browser share: over HTTP/1.1 a browser has six connections to a
// server, and seven tabs with a stream each would leave none. Runs as a SharedWorker, which ends with its
// last tab. Knows nothing of what it passes on; a tab that was told "lost" joins again when it wants to.
const STALE_MS = 40_000; // a healthy stream says something far more often
const RENEW_MS = 8 * 60_000; // the server ends a stream after nine minutes at the earliest
const OVERLAP_MS = 3000;

const tabs = new Set();
let names = []; // of the events that tabs hear
let source = null;
let former = null; // still heard for a moment: what is on its way there must not be lost
let upcoming = null;
let openFor = ""; // whose session it was opened with
let lastWord = 0;
let renewal = 0;

function say(message) {
  lastWord = Date.now();
  for (const tab of tabs) tab.postMessage(message);
}

function close() {
  clearTimeout(renewal);
  for (const each of [source, former, upcoming]) each?.close();
  source = former = upcoming = null;
}

function end() {
  close();
  say({ kind: "lost" });
  tabs.clear();
}

function connect({ opened, failed }) {
  const made = new EventSource("/api/v1/stream");
  made.onopen = opened;
  made.onerror = failed;
  for (const name of names) {
    made.addEventListener(name, ({ data }) => {
      if (made === source || made === former) say({ kind: "event", name, data });
    });
  }
  return made;
}

function begin(who) {
  openFor = who;
  lastWord = Date.now();
  const mine = (source = connect({
    opened() {
      if (mine === source) say({ kind: "open" });
    },
    failed() {
      if (mine === source) end();
    },
  }));
  renewal = setTimeout(renew, RENEW_MS);
}

// Opens the next stream before the server ends this one:
// nobody reads "connection lost", nobody fetches everything anew.
function renew() {
  const next = (upcoming = connect({
    opened() {
      if (next !== upcoming) return;
      upcoming = null;
      former = source;
      source = next;
      setTimeout(() => {
        former?.close();
        former = null;
      }, OVERLAP_MS);
      renewal = setTimeout(renew, RENEW_MS);
    },
    failed() {
      if (next === source) end();
      else next.close();
    }, // the present one goes on for as long as it may
  }));
}

function join(tab, data) {
  const { who } = data;
  names = data.names;
  const quiet_ms = Date.now() - lastWord; // below 0: the clock was set back
  if (source && (who !== openFor || quiet_ms > STALE_MS || quiet_ms < 0)) end();
  tabs.add(tab);
  if (!source) begin(who);
  else if (source.readyState === EventSource.OPEN) tab.postMessage({ kind: "open" });
}

function leave(tab) {
  tabs.delete(tab);
  tab.close();
  if (!tabs.size) close();
}

addEventListener("connect", ({ ports: [tab] }) => {
  tab.onmessage = ({ data }) => (data.act === "join" ? join(tab, data) : leave(tab));
  tab.postMessage({ kind: "here" });
});
