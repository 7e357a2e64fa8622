// Where is water now? From here, from a tapped point, or from a township:
// the nearest sources, usable ones first.
import { get, query } from "../api.js";
import { areaName, bearing, distance, measured, span } from "../format.js";
import { Icon } from "../icons.js";
import { pick, t, word } from "../i18n.js";
import { Chip, Empty, Failure } from "../parts.js";
import { live, useStore } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { WaterMap } from "./map.js";

const REFRESH_MS = 10_000;
const HOW_MANY = 20;

function locate() {
  return new Promise((resolve, reject) => {
    if (!navigator.geolocation || !isSecureContext) {
      reject(new Error(t("water.insecure")));
      return;
    }
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ lon: coords.longitude, lat: coords.latitude, name: t("water.me") }),
      () => reject(new Error(t("water.denied"))),
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 30_000 },
    );
  });
}

function useNearest(place) {
  const [answer, setAnswer] = useState({ items: null, problem: null, place: null });
  const [round, again] = useState(0);
  useEffect(() => {
    if (!place) return undefined;
    let gone = false;
    const read = () =>
      get(
        query("/api/v1/water-sources/nearest", {
          lon: place.lon.toFixed(6),
          lat: place.lat.toFixed(6),
          limit: HOW_MANY,
        }),
      ).then(
        ({ items }) => {
          if (!gone) setAnswer({ items, problem: null, place });
        },
        (problem) => {
          if (!gone) setAnswer((before) => ({ ...before, problem }));
        },
      );
    read();
    const timer = setInterval(read, REFRESH_MS);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [place?.lon, place?.lat, round]);
  // What was found from another place is not shown for this one.
  return {
    items: answer.place === place ? answer.items : null,
    problem: answer.problem,
    again: () => again(round + 1),
  };
}

const given = (value) => value !== null && value !== undefined;

function Arrow({ degrees }) {
  return html`<svg class="compass" width="46" height="46" viewBox="0 0 46 46" aria-hidden="true">
    <circle cx="23" cy="23" r="21" />
    <path transform=${`rotate(${degrees} 23 23)`} d="M23 8 31 33l-8-5-8 5z" />
  </svg>`;
}

function Source({ source, first, chosen, onChoose }) {
  const off = source.usable === false;
  const unknown = source.usable === null;
  const says = off
    ? ["not", "water.unusable"]
    : unknown
      ? ["unknown", "water.unknown"]
      : ["yes", "water.usable"];
  const reasons = source.reasons ?? [];
  const { lon, lat } = source.location ?? {};
  return html`<li
    class=${`source ${off ? "off" : ""} ${first ? "first" : ""} ${chosen ? "chosen" : ""}`}
    data-code=${source.code}
    onClick=${() => onChoose(source)}
  >
    <${Arrow} degrees=${source.bearing_deg ?? 0} />
    <div class="source-text">
      <a
        class="source-name"
        href=${`#/devices/${encodeURIComponent(source.code)}`}
        onClick=${(event) => event.stopPropagation()}
      >
        ${source.name || source.code}
      </a>
      <span class="hint">
        ${word("form", source.form ?? source.kind)} · <b class=${says[0]}>${t(says[1])}</b>
        ${given(source.age_s) ? ` · ${t("water.age", { span: span(source.age_s) })}` : ""}
      </span>
      ${reasons.length > 0 && html`<span class="why">
        ${reasons.map((reason) => html`<${Chip} key=${reason.code ?? reason} kind="why-chip">
          ${reason.text ? pick(reason.text, reason.text_en) : word("reason", reason.code ?? reason)}
        <//>`)}
      </span>`}
    </div>
    <div class="source-figures">
      <b class="far">${distance(source.distance_m)}</b>
      <span>${bearing(source.bearing_deg ?? 0)}</span>
    </div>
    <div class="source-figures">
      ${given(source.pressure_mpa)
        ? html`<b>${measured("pressure_mpa", source.pressure_mpa)}</b><span>MPa</span>`
        : given(source.level_pct)
          ? html`<b>${measured("level_pct", source.level_pct)}</b><span>%</span>`
          : given(source.level_m)
            ? html`<b>${measured("level_m", source.level_m)}</b><span>m</span>`
            : html`<b>–</b>`}
    </div>
    ${!off && lon !== undefined && html`<a
      class="source-go"
      href=${`geo:${lat},${lon}?q=${lat},${lon}`}
      aria-label=${`${t("water.go")}: ${source.name}`}
      onClick=${(event) => event.stopPropagation()}
    >
      <${Icon} name="arrow" />
    </a>`}
  </li>`;
}

export function Page({ args }) {
  const areas = useStore(live, (state) => state.areas);
  const [place, setPlace] = useState(() => {
    const [lon, lat] = (args[0] ?? "").split(",").map(Number);
    return lat ? { lon, lat, name: t("water.point") } : null;
  });
  const [busy, setBusy] = useState(false);
  const [why, setWhy] = useState("");
  const [only, setOnly] = useState(false);
  const [chosen, setChosen] = useState(null);
  const { items, problem, again } = useNearest(place);
  const here = () => {
    setBusy(true);
    setWhy("");
    locate()
      .then(setPlace, (refused) => setWhy(refused.message))
      .finally(() => setBusy(false));
  };
  const township = (event) => {
    const area = areas.find((each) => each.code === event.target.value);
    if (area?.location) setPlace({ ...area.location, name: area.name });
  };
  // The API answers by distance; a crew wants what it can use on top.
  const rank = (source) => (source.usable === true ? 0 : source.usable === null ? 1 : 2);
  const shown = (items ?? [])
    .filter((source) => !only || source.usable === true)
    .sort((a, b) => rank(a) - rank(b) || a.distance_m - b.distance_m);
  return html`<div class="water">
    <div class="water-tools">
      <button class="button primary" onClick=${here} disabled=${busy}>
        <${Icon} name="target" />
        ${busy ? t("water.locating") : t("water.here")}
      </button>
      <select aria-label=${t("water.pick")} onChange=${township} value="">
        <option value="">${t("water.pick")}</option>
        ${areas
          .filter((area) => area.location && area.parent)
          .map((area) => html`<option key=${area.code} value=${area.code}>${areaName(area.code)}</option>`)}
      </select>
      <label class="check">
        <input type="checkbox" checked=${only} onChange=${() => setOnly(!only)} />
        ${t("water.only")}
      </label>
    </div>
    ${why && html`<p class="failure" role="alert">${why}</p>`}
    <div class="water-body">
      <${WaterMap}
        place=${place}
        sources=${shown}
        chosen=${chosen}
        onPlace=${(lon, lat) => setPlace({ lon, lat, name: t("water.point") })}
        onChoose=${setChosen}
      />
      <div class="water-list">
        ${problem && html`<${Failure} problem=${problem} />`}
        ${!place
          ? html`<${Empty} title=${t("water.start")} line=${t("water.start_line")} />`
          : items === null
            ? html`<p class="loading">…</p>`
            : html`
                <p class="water-from">
                  ${t("water.from")}: <b>${place.name}</b>
                  ${" "}
                  <small>${place.lon.toFixed(5)}, ${place.lat.toFixed(5)}</small>
                  ${" "}
                  <button class="link" onClick=${again}>${t("water.refresh")}</button>
                </p>
                ${shown.length
                  ? html`<ol class="sources" aria-label=${t("water.title")}>
                      ${shown.map((source, i) => html`<${Source}
                        key=${source.code}
                        source=${source}
                        first=${i === 0 && source.usable === true}
                        chosen=${chosen?.code === source.code}
                        onChoose=${setChosen}
                      />`)}
                    </ol>`
                  : html`<${Empty} title=${t("water.none")} />`}
              `}
      </div>
    </div>
  </div>`;
}
