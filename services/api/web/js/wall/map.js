// The wall's map: turns by itself to the newest open fire, and back to the whole county when there is none.
import { isFire, isWaiting } from "../alarms.js";
import { Board, webglWorks } from "../map/board.js";
import { readMap } from "../map/data.js";
import { prefs } from "../prefs.js";
import { live, onDevices, useStore } from "../store.js";
import { html, useEffect, useRef, useState } from "../ui.js";

export function WallMap({ open }) {
  const frame = useRef();
  const board = useRef(null);
  const [ready, setReady] = useState(false);
  const { areas, areasRead } = useStore(live, (state) => state);
  const shownFire = useRef(null);
  useEffect(() => {
    if (!webglWorks() || !areasRead) return undefined;
    let gone = false;
    let deaf = () => null;
    let timer = 0;
    const begin = () => readMap().then(({ settings, geojson }) => {
      if (gone || !frame.current) return;
      const made = new Board(frame.current, { settings, areas, geojson, language: prefs.get().language, controls: false });
      board.current = made;
      deaf = onDevices((items) => made.change(items));
      made.ready.then(() => setReady(true));
    }).catch(() => { timer = setTimeout(begin, 5000); });
    begin();
    return () => { gone = true; clearTimeout(timer); deaf(); board.current?.close(); setReady(false); };
  }, [areasRead]);
  useEffect(() => {
    if (!ready) return;
    board.current.showAlarms(open);
    const fire = open.filter((alarm) => isFire(alarm) && isWaiting(alarm) && alarm.location).sort((a, b) => Date.parse(b.opened_at) - Date.parse(a.opened_at))[0];
    if (fire?.id === shownFire.current) return;
    if (fire) board.current.flyTo(fire.location.lon, fire.location.lat, 13.4);
    else if (shownFire.current) board.current.fit();
    shownFire.current = fire?.id ?? null;
  }, [ready, open.map((alarm) => `${alarm.id}:${alarm.version}`).join()]);
  return html`<div class="map-frame" ref=${frame}></div>`;
}
