// Where something stands: pressed on the map, or written in numbers, in the datum that they were read in.
import { t } from "../i18n.js";
import { html, useEffect, useState } from "../ui.js";
import { DATUMS } from "../words/lists.js";
import { Choice, Input, wordsOf } from "./inputs.js";

const DIGITS = 6; // about a decimetre
const AS_ON_THE_MAP = ["wgs84", "cgcs2000"];

const text = (number) => (number === undefined || number === null ? "" : String(number));

// Undefined: as it was before (so the datum of its source stays known), null: nowhere.
export function placeOf({ lon, lat, datum }, before) {
  const given = [lon, lat].map((each) => each.trim());
  if (given.every((each) => each === "")) return before ? null : undefined;
  if (given.some((each) => each === "" || Number.isNaN(Number(each)))) throw { text: t("admin.place_half") };
  if (before && given[0] === text(before.lon) && given[1] === text(before.lat)) return undefined;
  return { lon: Number(given[0]), lat: Number(given[1]), datum };
}

// The map is large: it is fetched when a form opens.
function useMap() {
  const [Map, setMap] = useState(null);
  useEffect(() => {
    import("./place-map.js").then(
      (module) => setMap(() => module.PlaceMap),
      () => null,
    );
  }, []);
  return Map;
}

export function Place({ location }) {
  const [place, setPlace] = useState({ lon: text(location?.lon), lat: text(location?.lat), datum: "wgs84" });
  const Map = useMap();
  const set = (name) => (event) => setPlace({ ...place, [name]: event.target.value });
  const press = (lon, lat) =>
    setPlace({ lon: lon.toFixed(DIGITS), lat: lat.toFixed(DIGITS), datum: "wgs84" });
  const onMap = place.lon && place.lat && AS_ON_THE_MAP.includes(place.datum) ? place : null;
  return html`<fieldset class="place">
    <legend>${t("admin.place")}</legend>
    ${Map && html`<${Map} place=${onMap} onPlace=${press} />`}
    <div class="columns three-narrow">
      <${Input}
        label=${t("input.lon")}
        name="lon"
        inputmode="decimal"
        value=${place.lon}
        onInput=${set("lon")}
      />
      <${Input}
        label=${t("input.lat")}
        name="lat"
        inputmode="decimal"
        value=${place.lat}
        onInput=${set("lat")}
      />
      <${Choice}
        key=${place.datum}
        label=${t("input.datum")}
        name="datum"
        options=${wordsOf("datum", DATUMS)}
        chosen=${place.datum}
        onChange=${set("datum")}
      />
    </div>
    ${!AS_ON_THE_MAP.includes(place.datum) && html`<p class="hint">${t("admin.other_datum")}</p>`}
  </fieldset>`;
}
