// The wall screen: who is here (a viewer's session is enough), open the stream, show everything at once.
import { useAreas } from "../areas.js";
import { Banners } from "../banners.js";
import { identity } from "../kept.js";
import { Login } from "../login.js";
import { applyPrefs, askedTheme, prefs } from "../prefs.js";
import { reloadOnce, watchRelease } from "../release.js";
import { live, useStore } from "../store.js";
import { askWho, startStream } from "../stream.js";
import { html, render, useEffect } from "../ui.js";
import { Wall } from "./wall.js";

if (!askedTheme) prefs.set({ theme: "dark" });
applyPrefs();

function App() {
  const session = useStore(live, (state) => state.session);
  useStore(prefs, (p) => p);
  const who = session && identity(session);
  useEffect(() => {
    if (session) startStream();
  }, [who]);
  useAreas(who);
  if (session === undefined) return html`<${Banners} /><p class="loading">…</p>`;
  return session ? html`<${Wall} key=${who} />` : html`<${Login} />`;
}

watchRelease(reloadOnce);
render(html`<${App} />`, document.getElementById("app"));
askWho();
