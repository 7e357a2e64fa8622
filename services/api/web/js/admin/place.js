// Where something stands: pressed on the map or dragged there, taken from the phone that stands beside it, or
// written in numbers, in the datum that they were read in.
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { locate } from "../locate.js";
import { html, useEffect, useState } from "../ui.js";
import { DATUMS } from "../words/lists.js";
import { Choice, Input, wordsOf } from "./inputs.js";

const DIGITS = 6; // about a decimetre
const AS_ON_THE_MAP = ["wgs84", "cgcs2000"];

const text = (number) => (number === undefined || number === null ? "" : String(number));

// Two numbers in one field, as map applications copy them: "39.0188, 111.0943" or the other way round. In
// China the larger of the two is the longitude.
const PAIR = /^[^\d-]*(\d+\.\d+)\s*[,，;；\s]\s*(\d+\.\d+)[^\d]*$/;

function pairIn(given) {
  const [, ...pair] = PAIR.exec(given) ?? [];
  if (!pair.length) return null;
  const [lat, lon] = pair.sort((a, b) => Number(a) - Number(b));
  return { lon, lat };
}

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

// For who stands beside it with a phone.
function FromHere({ onPlace }) {
  const [busy, setBusy] = useState(false);
  const [says, setSays] = useState(null);
  const ask = () => {
    setBusy(true);
    setSays(null);
    locate()
      .then(
        ({ lon, lat, accuracy_m }) => {
          onPlace(lon, lat);
          setSays({ text: t("admin.placed_here", { n: Math.max(1, Math.round(accuracy_m)) }) });
        },
        (refused) => setSays({ text: refused.message, failed: true }),
      )
      .finally(() => setBusy(false));
  };
  return html`<p class="place-tools">
    <button type="button" class="button small" onClick=${ask} disabled=${busy}>
      <${Icon} name="target" size="16" />
      ${busy ? t("water.locating") : t("admin.place_here")}
    </button>
    ${says && html`<span class=${says.failed ? "failure" : "hint"} role="status">${says.text}</span>`}
  </p>`;
}

// `area`: the code that is chosen in the form; the map looks there while nothing is placed.
export function Place({ location, area }) {
  const [place, setPlace] = useState({ lon: text(location?.lon), lat: text(location?.lat), datum: "wgs84" });
  const Map = useMap();
  const set = (name) => (event) => setPlace({ ...place, [name]: event.target.value });
  const write = (name) => ({ target: { value } }) =>
    setPlace({ ...place, ...(pairIn(value) ?? { [name]: value }) });
  const press = (lon, lat) =>
    setPlace({ lon: lon.toFixed(DIGITS), lat: lat.toFixed(DIGITS), datum: "wgs84" });
  const onMap = place.lon && place.lat && AS_ON_THE_MAP.includes(place.datum) ? place : null;
  return html`<fieldset class="place">
    <legend>${t("admin.place")}</legend>
    ${Map && html`<${Map} place=${onMap} area=${area} onPlace=${press} />`}
    <${FromHere} onPlace=${press} />
    <div class="columns three-narrow">
      <${Input}
        label=${t("input.lon")}
        name="lon"
        inputmode="decimal"
        value=${place.lon}
        onInput=${write("lon")}
      />
      <${Input}
        label=${t("input.lat")}
        name="lat"
        inputmode="decimal"
        value=${place.lat}
        onInput=${write("lat")}
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
