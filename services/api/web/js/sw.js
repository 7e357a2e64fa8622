// The service worker: opens the pages without a network, and shows the fires that come by push. It keeps the
// pages' own files and nothing else. What the server answers under /api and /geo is somebody's, and never
// passes through here.
// The server writes two lines in front: BUILD, which every upgrade changes, and FILES, which belong to it.
/* global BUILD, FILES */
const NAME = "firetower-";
const CACHE = NAME + BUILD;
const PAGES = ["/", "/login"];
const ANSWER_WITHIN_MS = 4000; // a network that lets nothing through is none
const AWAY_MS = 10_000;
const SAID_WITHIN_MS = 500;

let awayUntil = 0; // the server did not answer just now: nobody waits for it file by file
const newer = new Set(); // pages of another build than ours: their files come from the server only

// While an upgrade goes on the server may already be of another build: then nothing is kept, and tried again.
async function keep(cache, file) {
  const answer = await fetch(file, { cache: "no-cache" });
  const build = answer.headers.get("Firetower-Build");
  if (!answer.ok || (build && build !== BUILD)) throw new Error(`not of this build: ${file}`);
  await cache.put(file, answer);
}

async function fill() {
  const cache = await caches.open(CACHE);
  await Promise.all(FILES.map((file) => keep(cache, file)));
  await self.skipWaiting();
}

async function takeOver() {
  const old = (await caches.keys()).filter((name) => name.startsWith(NAME) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

// Only the first word of the answer is timed: a large file on a slow line may take longer than that.
function inTime(request) {
  let timer = 0;
  const late = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new Error("late")), ANSWER_WITHIN_MS);
  });
  return Promise.race([fetch(request), late]).finally(() => clearTimeout(timer));
}

// From the server whenever it answers, so nobody works with the page of an older release.
async function answer(event, key) {
  const { request, clientId, resultingClientId } = event;
  const stored = await caches.match(key, { cacheName: CACHE, ignoreSearch: true });
  const opens = request.mode === "navigate"; // its clientId is the page before
  if (!stored || (!opens && newer.has(clientId))) return fetch(request);
  if (Date.now() < awayUntil) return stored;
  try {
    const fresh = await inTime(request);
    if (fresh.status >= 500) throw new Error("away");
    const build = fresh.headers.get("Firetower-Build");
    if (build && build !== BUILD) newer.add(resultingClientId);
    return fresh;
  } catch {
    awayUntil = Date.now() + AWAY_MS;
    return stored;
  }
}

const pagesOpen = async () =>
  (await self.clients.matchAll({ type: "window", includeUncontrolled: true })).filter(({ url }) =>
    PAGES.includes(new URL(url).pathname),
  );

// Whether this page says by itself what the message says: connected, signed in, and told of the fire. One
// that is not says so, or does not answer.
function says(page, tag) {
  const { port1, port2 } = new MessageChannel();
  return new Promise((tell) => {
    setTimeout(() => tell(false), SAID_WITHIN_MS);
    port1.onmessage = ({ data }) => tell(data);
    page.postMessage({ kind: "told?", tag }, [port2]);
  }).finally(() => port1.close());
}

async function isSaid(tag) {
  const seen = (await pagesOpen()).filter((page) => page.visibilityState === "visible");
  return (await Promise.all(seen.map((page) => says(page, tag)))).includes(true);
}

// Every message is shown, because browsers end the subscription of who shows none. Where a page is seen whose
// own bar and sound say it already, it is silent and gone at once.
async function showMessage({ tag, path, title, body, at, stays }) {
  const said = stays && (await isSaid(tag));
  await self.registration.showNotification(title, {
    body,
    tag,
    icon: "/static/icons/tower-192.png",
    timestamp: at ? Date.parse(at) : Date.now(),
    requireInteraction: stays,
    silent: said,
    renotify: stays && !said, // a fire anew on an alarm that was told before is heard as well
    data: { path },
  });
  if (said) for (const each of await self.registration.getNotifications({ tag })) each.close();
}

async function openPage(path) {
  const [page] = await pagesOpen();
  if (!page) return self.clients.openWindow(`/#/${path}`);
  page.postMessage({ kind: "open", path });
  return page.focus();
}

// The browser changed its subscription by itself: the server is told, as long as the person is signed in.
async function subscribeAnew() {
  const where = "/api/v1/session/push";
  const { offered, on, public_key, language } = await (await fetch(where)).json();
  if (!offered || !on) return;
  const { endpoint, keys } = (
    await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: public_key })
  ).toJSON();
  const body = JSON.stringify({ endpoint, ...keys, public_key, language });
  await fetch(where, { method: "PUT", headers: { "Content-Type": "application/json" }, body });
}

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && PAGES.includes(pathname)) event.respondWith(answer(event, "/"));
  else if (pathname.startsWith("/static/") && pathname !== "/static/sw.js")
    event.respondWith(answer(event, pathname));
});
self.addEventListener("push", (event) => event.waitUntil(showMessage(event.data.json())));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openPage(event.notification.data?.path ?? "desk").catch(() => null));
});
self.addEventListener("pushsubscriptionchange", (event) => {
  event.waitUntil(subscribeAnew().catch(() => null));
});
