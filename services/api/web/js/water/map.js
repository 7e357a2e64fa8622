// The small map of the water page: tap it to ask from there; it holds the county's sources of water alone.
import { Board, webglWorks } from "../map/board.js";
import { PLAIN, readMap } from "../map/data.js";
import { t } from "../i18n.js";
import { live, useStore } from "../store.js";
import { html, useEffect, useRef, useState } from "../ui.js";

const isSource = ({ kind }) => ["hydrant", "water"].includes(kind);

// What the map shows without a network: the sources of the list that was kept.
const fromList = (sources) => ({
  type: "FeatureCollection",
  features: sources.map(({ code, kind, name, area, status, location: { lon, lat } }) => ({
    type: "Feature",
    geometry: { type: "Point", coordinates: [lon, lat] },
    properties: { code, kind, name, area, status },
  })),
});

export function WaterMap({ place, sources, chosen, onPlace, onChoose }) {
  const frame = useRef();
  const board = useRef(null);
  const [ready, setReady] = useState(false);
  const [, drawAgain] = useState({});
  const areas = useStore(live, (state) => state.areas);
  const answers = useRef({});
  answers.current = { onPlace, onChoose, sources };
  useEffect(() => {
    if (!webglWorks()) return undefined;
    let gone = false;
    const { settings, geojson } = readMap();
    const water = geojson.then(
      (all) => ({
        ...all,
        features: all.features.filter(({ properties }) => isSource(properties)),
      }),
      () => fromList(answers.current.sources),
    );
    settings
      .catch(() => PLAIN)
      .then((ground) => {
        if (gone || !frame.current) return;
        board.current = new Board(frame.current, {
          settings: ground,
          geojson: water,
          holds: isSource,
          onPlace: (lon, lat) => answers.current.onPlace(lon, lat),
          onPick: (code) => {
            const source = answers.current.sources.find((each) => each.code === code);
            if (source) answers.current.onChoose(source);
          },
        });
        board.current.ready.then(
          () => setReady(true),
          () => drawAgain({}),
        );
      });
    return () => {
      gone = true;
      board.current?.close();
    };
  }, []);
  useEffect(() => {
    board.current?.nameAreas(areas);
  }, [areas, ready]);
  useEffect(() => {
    if (!ready || !place) return;
    board.current.pin("here", place.lon, place.lat);
    const near = sources
      .slice(0, 5)
      .map((source) => source.location)
      .filter(Boolean);
    const lons = [place.lon, ...near.map(({ lon }) => lon)];
    const lats = [place.lat, ...near.map(({ lat }) => lat)];
    board.current.fit(
      [
        [Math.min(...lons), Math.min(...lats)],
        [Math.max(...lons), Math.max(...lats)],
      ],
      44,
    );
  }, [ready, place?.lon, place?.lat, sources.length > 0]);
  useEffect(() => {
    if (ready && chosen?.location) {
      board.current.pin("chosen", chosen.location.lon, chosen.location.lat);
      board.current.flyTo(chosen.location.lon, chosen.location.lat, 14);
    }
  }, [ready, chosen?.code]);
  return html`<div class="water-map">
    ${webglWorks()
      ? html`
          <div class="map-frame" ref=${frame} role="region" aria-label=${t("water.tap")}></div>
          <span class="water-map-hint">${t("water.tap")}</span>
        `
      : html`<p class="hint">${t("map.no_webgl")}</p>`}
  </div>`;
}
