// The one stream that all tabs of this browser share: over HTTP/1.1 a browser has six connections to a server, and seven
// tabs with a stream each would leave none. Runs as a SharedWorker, which ends with its last tab. Knows nothing of what
// it passes on; a tab that was told "lost" joins again when it wants to.
const NAMES = ["device", "alarm", "notice", "system", "resync", "ping"];
const STALE_MS = 40_000;             // a healthy stream says something far more often

const tabs = new Set();
let source = null;
let openFor = "";                    // whose session it was opened with
let lastWord = 0;

function say(message) {
  lastWord = Date.now();
  for (const tab of tabs) tab.postMessage(message);
}

function end() {
  source?.close();
  source = null;
  say({ kind: "lost" });
  tabs.clear();
}

function begin(who) {
  openFor = who;
  lastWord = Date.now();
  const mine = source = new EventSource("/api/v1/stream");
  source.onopen = () => { if (mine === source) say({ kind: "open" }); };
  source.onerror = () => { if (mine === source) end(); };
  for (const name of NAMES) source.addEventListener(name, ({ data }) => { if (mine === source) say({ kind: "event", name, data }); });
}

function join(tab, who) {
  if (source && (who !== openFor || Date.now() - lastWord > STALE_MS)) end();
  tabs.add(tab);
  if (!source) begin(who);
  else if (source.readyState === EventSource.OPEN) tab.postMessage({ kind: "open" });
}

function leave(tab) {
  tabs.delete(tab);
  tab.close();
  if (tabs.size) return;
  source?.close();
  source = null;
}

addEventListener("connect", ({ ports: [tab] }) => {
  tab.onmessage = ({ data }) => (data.act === "join" ? join(tab, data.who) : leave(tab));
  tab.postMessage({ kind: "here" });
});
