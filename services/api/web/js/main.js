// The story of the page: who is here, open the stream, show the page the address names.
import { useAreas } from "./areas.js";
import { Banners } from "./banners.js";
import { startComplaints } from "./complaints.js";
import { identity } from "./kept.js";
import { put, useLater } from "./later.js";
import { Login } from "./login.js";
import { readMapEarly } from "./map/data.js";
import { hearWorker } from "./notifications.js";
import { startOffline } from "./offline.js";
import { applyPrefs, prefs } from "./prefs.js";
import { keepPush } from "./push.js";
import { watchRelease } from "./release.js";
import { useRoute } from "./route.js";
import { Shell } from "./shell.js";
import { live, useStore } from "./store.js";
import { askWho, startStream } from "./stream.js";
import { html, render, useEffect } from "./ui.js";
import { Desk } from "./desk/page.js";

// The map and chart libraries are large: pages that need them are fetched when first opened.
const LATER = {
  map: () => {
    readMapEarly();
    return Promise.all([import("./map/page.js"), import("../vendor/maplibre-gl.mjs")]).then(([page]) => page);
  },
  devices: () => import("./devices/page.js"),
  water: () => import("./water/page.js"),
  system: () => import("./system/page.js"),
  admin: () => import("./admin/page.js"),
  inspect: () => import("./inspect/page.js"),
  subscriptions: () => import("./subscriptions/page.js"),
  help: () => import("./help/page.js"),
};
put("desk", { Page: Desk });

function Page({ name, args }) {
  const [content, instead] = useLater(name, LATER[name]);
  return content ? html`<${content.Page} key=${name} args=${args} />` : instead;
}

let early = null; // the session whose stream was opened before the page was drawn

function App() {
  const session = useStore(live, (state) => state.session);
  const { language } = useStore(prefs, (p) => p);
  const { page, args } = useRoute();
  const who = session && identity(session); // another one has other areas: nothing drawn before stands
  useEffect(() => {
    if (!session || session.role === "wall") return;
    if (session !== early) startStream();
    early = null;
    startOffline();
  }, [who]);
  useAreas(session?.role === "wall" ? null : who);
  useEffect(() => {
    if (session && session.role !== "wall") keepPush();
  }, [who, language]);
  if (session === undefined) return html`<${Banners} /><p class="loading">…</p>`;
  if (session === null) return html`<${Login} />`;
  if (session.role === "wall") {
    location.replace(`/wall${location.search}`);
    return null;
  }
  const name = page === "desk" || LATER[page] ? page : "desk";
  return html`<${Shell} page=${name}><${Page} key=${who} name=${name} args=${args} /><//>`;
}

// A page asked for by the address is fetched while the session is still being looked up.
LATER[location.hash.split("/")[1]?.split("?")[0]]?.().catch(() => null);
applyPrefs();
watchRelease();
startComplaints();
hearWorker();
render(html`<${App} />`, document.getElementById("app"));
askWho().then(() => {
  const { session } = live.get();
  if (!session || session.role === "wall") return;
  early = session;
  startStream();
});
