// The small map of a form: a press says where the thing stands, and the pin that shows it can be dragged.
import { t } from "../i18n.js";
import { Board, webglWorks } from "../map/board.js";
import { boundsOf, readMap } from "../map/data.js";
import { live, useStore } from "../store.js";
import { html, useEffect, useRef, useState } from "../ui.js";

const CLOSE_ENOUGH_ZOOM = 15;

export function PlaceMap({ place, area, onPlace }) {
  const frame = useRef();
  const board = useRef(null);
  const press = useRef();
  const [ready, setReady] = useState(false);
  const [, drawAgain] = useState({});
  const areas = useStore(live, (state) => state.areas);
  press.current = onPlace;
  useEffect(() => {
    if (!webglWorks()) return undefined;
    let gone = false;
    const { settings, geojson } = readMap();
    const open = (ground) => {
      if (gone || !frame.current) return;
      board.current = new Board(frame.current, {
        settings: ground,
        geojson,
        inForm: true,
        onPlace: (lon, lat) => press.current(lon, lat),
        onPick: (code) => {
          const at = board.current.whereIs(code);
          if (at) press.current(at.lon, at.lat); // what stands there already is no reason to ignore the press
        },
      });
      board.current.ready.then(
        () => setReady(true),
        () => drawAgain({}),
      );
    };
    settings.then(open, () => null);
    return () => {
      gone = true;
      board.current?.close();
    };
  }, []);
  useEffect(() => {
    board.current?.nameAreas(areas);
  }, [areas, ready]);
  useEffect(() => {
    if (!ready) return;
    const [lon, lat] = [Number(place?.lon), Number(place?.lat)];
    if (!place || !(Math.abs(lon) <= 180 && Math.abs(lat) <= 90)) {
      board.current.unpin("placed");
      return;
    }
    board.current.pin("placed", lon, lat, (...to) => press.current(...to));
    board.current.flyTo(lon, lat, CLOSE_ENOUGH_ZOOM);
  }, [ready, place?.lon, place?.lat]);
  useEffect(() => {
    if (!ready || !area || place) return undefined;
    let gone = false;
    boundsOf(area).then((bounds) => {
      if (bounds && !gone) board.current.fit(bounds, 30);
    });
    return () => {
      gone = true;
    };
  }, [ready, area]);
  if (!webglWorks()) return html`<p class="hint">${t("admin.no_map")}</p>`;
  return html`<div class="place-map">
    <div class="map-frame" ref=${frame} role="region" aria-label=${t("admin.press_map")}></div>
    <span class="water-map-hint">${t("admin.press_map")}</span>
  </div>`;
}
