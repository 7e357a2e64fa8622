// This page's end of the stream: through the worker that all tabs share, or a stream of its own where there
// is none (some browsers on Android). `openLine` answers with `close`; what it hears is told to `heard.open`,
// `.lost` and `.event`.
const WORKER = "/static/js/line-worker.js";
const NAMES = ["device", "alarm", "notice", "resync", "ping"];
const ANSWER_WITHIN_MS = 5000;

let sharing = "SharedWorker" in globalThis;
// Tabs share a worker of the same text only: after an upgrade a new tab does not meet the old one.
const version = sharing
  ? fetch(WORKER, { method: "HEAD" }).then(
      (answer) => answer.headers.get("etag"),
      () => null,
    )
  : null;

function ownLine(heard) {
  const source = new EventSource("/api/v1/stream");
  source.onopen = heard.open;
  source.onerror = () => {
    source.close();
    heard.lost();
  };
  for (const name of NAMES) source.addEventListener(name, ({ data }) => heard.event(name, data));
  return () => source.close();
}

function sharedLine(name, who, heard) {
  const worker = new SharedWorker(WORKER, { name });
  const give = () => {
    clearTimeout(silence);
    sharing = false;
    heard.lost();
  }; // the next line is one of its own
  const silence = setTimeout(give, ANSWER_WITHIN_MS);
  worker.onerror = give;
  worker.port.onmessage = ({ data }) => {
    clearTimeout(silence);
    if (data.kind === "event") heard.event(data.name, data.data);
    else if (data.kind !== "here") heard[data.kind]();
  };
  worker.port.postMessage({ act: "join", who, names: NAMES });
  return () => {
    clearTimeout(silence);
    worker.port.postMessage({ act: "leave" });
  };
}

export function openLine(who, heard) {
  let closed = false;
  let leave = () => null;
  const mine = Object.fromEntries(
    Object.entries(heard).map(([name, act]) => [
      name,
      (...what) => {
        if (!closed) act(...what);
      },
    ]),
  );
  const close = () => {
    closed = true;
    removeEventListener("pagehide", close);
    leave();
  };
  addEventListener("pagehide", close);
  const begin = (etag) => {
    if (!closed) leave = sharing && etag ? sharedLine(`firetower ${etag}`, who, mine) : ownLine(mine);
  };
  if (sharing) version.then(begin);
  else begin();
  return close;
}
