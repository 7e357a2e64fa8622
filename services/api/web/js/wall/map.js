// The wall's map: turns by itself to the newest open fire, and back to the whole county when there is none.
import { isFire, isWaiting } from "../alarms.js";
import { Board, webglWorks } from "../map/board.js";
import { readMap } from "../map/data.js";
import { clockTime } from "../format.js";
import { t } from "../i18n.js";
import { live, onDevices, useStore } from "../store.js";
import { html, useEffect, useRef, useState } from "../ui.js";
import { SMALL } from "./small.js";

const NO_TESTS = [];

export function WallMap({ open }) {
  const frame = useRef();
  const board = useRef(null);
  const [ready, setReady] = useState(false);
  const [blind, setBlind] = useState(!webglWorks());
  const areas = useStore(live, (state) => state.areas);
  const round = useStore(live, (state) => state.round);
  const tests = useStore(live, (state) => state.system?.test_windows ?? NO_TESTS);
  const drawnRound = useRef(0);
  const shownFire = useRef(null);
  useEffect(() => {
    if (!webglWorks()) return undefined;
    let gone = false;
    let deaf = () => null;
    let timer = 0;
    const begin = () => {
      const { settings, geojson } = readMap();
      return settings
        .then((ground) => {
          if (gone || !frame.current) return undefined;
          const how = { size: 1.6, controls: false, inForm: SMALL.matches };
          const made = new Board(frame.current, { settings: ground, geojson, ...how });
          board.current = made;
          deaf = onDevices((items, gone) => made.change(items, gone));
          return made.ready.then(() => {
            if (!gone) setReady(true);
          });
        })
        .catch(() => {
          deaf();
          board.current?.close();
          if (gone) return;
          setBlind(!webglWorks());
          if (webglWorks()) timer = setTimeout(begin, 5000);
        });
    };
    begin();
    return () => {
      gone = true;
      clearTimeout(timer);
      deaf();
      board.current?.close();
      setReady(false);
    };
  }, []);
  // After a break the map learns what it missed, by the same way as live changes:
  // the answer goes through the store.
  useEffect(() => {
    if (!ready) return;
    if (drawnRound.current) readMap().geojson.catch(() => null);
    drawnRound.current = round;
  }, [ready, round]);
  useEffect(() => {
    board.current?.nameAreas(areas);
  }, [areas, ready]);
  useEffect(() => {
    if (ready)
      board.current.showTests(tests, ({ until }) => t("handover.until", { at: clockTime(until, false) }));
  }, [ready, JSON.stringify(tests)]);
  useEffect(() => {
    if (!ready) return;
    board.current.showAlarms(open);
    const fire = open
      .filter((alarm) => isFire(alarm) && isWaiting(alarm) && alarm.location)
      .sort((a, b) => Date.parse(b.opened_at) - Date.parse(a.opened_at))[0];
    const at = fire && (board.current.whereIs(fire.device) ?? fire.location);
    const shown = at ? `${fire.id} ${at.lon} ${at.lat}` : null;
    if (shown === shownFire.current) return;
    if (at) board.current.flyTo(at.lon, at.lat, 13.4);
    else if (shownFire.current) board.current.fit();
    shownFire.current = shown;
  }, [ready, open.map((alarm) => `${alarm.id}:${alarm.version}`).join()]);
  return blind
    ? html`<p class="wall-blind">${t("map.no_webgl")}</p>`
    : html`<div class="map-frame" ref=${frame}></div>`;
}
