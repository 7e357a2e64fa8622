// Where is water now? From here, from a tapped point, from a township or around an alarm: the nearest
// sources, usable ones first. Without a network: the last list, with its ages.
import { useNow } from "../clock.js";
import { areaName, dateTime, span } from "../format.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { locate } from "../locate.js";
import { Empty, Failure, Running } from "../parts.js";
import { prefs } from "../prefs.js";
import { useMove, useRoute } from "../route.js";
import { live, useStore } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { WaterMap } from "./map.js";
import { MapApps } from "./maps.js";
import { askForHeading, useHeading } from "./heading.js";
import { lastPlace, useNearest } from "./nearest.js";
import { Source, verdict } from "./source.js";

const SHOWN = 20;
const OLD_FIX_MS = 120_000; // one may have walked on since
const RANKS = ["usable", "stale", "unknown", "unusable"];

const address = (place) => `water/${place.lon.toFixed(6)},${place.lat.toFixed(6)}`;

// The place that the address names, else the last one.
function placeOf([given = ""], search) {
  const [lon, lat] = given.split(",").map(Number);
  const last = lastPlace();
  if (!given || !Number.isFinite(lon) || !Number.isFinite(lat)) return last;
  if (last && address(last) === `water/${given}`) return last;
  const alarm = Number(search.get("alarm")) || null;
  const of = alarm ? { of: "alarm", alarm, but: search.get("device") } : { of: "point" };
  return { lon, lat, ...of, at: Date.now() };
}

function placeName(place) {
  if (place.of === "area") return areaName(place.area);
  if (place.of === "alarm") return t("water.alarm", { id: place.alarm });
  if (place.of !== "me") return t("water.point");
  return Date.now() - place.at > OLD_FIX_MS ? t("water.me_at", { at: dateTime(place.at) }) : t("water.me");
}

function usePlace(args) {
  const { search } = useRoute();
  const move = useMove();
  const [place, setPlace] = useState(() => placeOf(args, search));
  useEffect(() => {
    if (args[0] && (!place || address(place) !== `water/${args[0]}`)) setPlace(placeOf(args, search));
  }, [args[0]]);
  const choose = (next) => {
    setPlace(next);
    move(address(next), true); // so that the way back from a device or the map leads here
  };
  return [place, choose];
}

function From({ place, at, away, again }) {
  return html`
    <p class="water-from">
      ${t("water.from")}: <b>${placeName(place)}</b>
      ${" "}
      <small>${place.lon.toFixed(5)}, ${place.lat.toFixed(5)}</small>
      ${place.of === "alarm" && html`${" "}<a href=${`#/desk/${place.alarm}`}>${t("water.to_alarm")}</a>`}
      ${" "}
      <button class="link" onClick=${again}>${t("water.refresh")}</button>
    </p>
    ${away && at && html`<p class="water-away">
      <${Icon} name="warn" size="18" />
      <${Running} said=${t("watching.lost")} role="status">
        ${t("water.offline", { at: dateTime(at), span: span((Date.now() - at) / 1000) })}
      <//>
    </p>`}
  `;
}

function Sources({ place, items, none, at, heading, chosen, onChoose }) {
  if (!items.length) return html`<${Empty} title=${t(none)} />`;
  return html`
    <p class="hint arrows">${t(heading === null ? "water.north_up" : "water.turning")}</p>
    <ol class="sources" aria-label=${t("water.title")}>
      ${items.map((source, i) => html`<${Source}
        key=${source.code}
        source=${source}
        at=${at}
        heading=${heading}
        back=${address(place)}
        first=${i === 0 && verdict(source, at) === "usable"}
        chosen=${chosen?.code === source.code}
        onChoose=${onChoose}
      />`)}
    </ol>
  `;
}

export function Page({ args }) {
  useNow(); // ages count, with or without a network
  useStore(prefs, (p) => p.maps);
  const areas = useStore(live, (state) => state.areas);
  const [place, setPlace] = usePlace(args);
  const [busy, setBusy] = useState(false);
  const [why, setWhy] = useState("");
  const [only, setOnly] = useState(false);
  const [chosen, setChosen] = useState(null);
  const heading = useHeading();
  const { items, at, problem, away, again } = useNearest(place);
  const here = () => {
    setBusy(true);
    setWhy("");
    askForHeading();
    locate()
      .then(({ lon, lat }) => ({ lon, lat, of: "me", at: Date.now() }))
      .then(setPlace, (refused) => setWhy(refused.message))
      .finally(() => setBusy(false));
  };
  const township = (event) => {
    const area = areas.find((each) => each.code === event.target.value);
    if (area?.location) setPlace({ ...area.location, of: "area", area: area.code, at: Date.now() });
  };
  // The API answers by distance; a crew wants what it can use on top.
  const rank = (source) => RANKS.indexOf(verdict(source, at));
  const shown = (items ?? [])
    .filter((source) => source.code !== place?.but && (!only || verdict(source, at) === "usable"))
    .sort((a, b) => rank(a) - rank(b) || a.distance_m - b.distance_m)
    .slice(0, SHOWN);
  return html`<div class="water">
    <div class="water-tools">
      <button class="button primary" onClick=${here} disabled=${busy}>
        <${Icon} name="target" />
        ${busy ? t("water.locating") : t("water.here")}
      </button>
      <select
        aria-label=${t("water.pick")}
        onChange=${township}
        value=${place?.of === "area" ? place.area : ""}
      >
        <option value="">${t("water.pick")}</option>
        ${areas
          .filter((area) => area.location && area.parent)
          .map((area) => html`<option key=${area.code} value=${area.code}>${areaName(area.code)}</option>`)}
      </select>
      <${MapApps} />
      <label class="check">
        <input type="checkbox" checked=${only} onChange=${() => setOnly(!only)} />
        ${t("water.only")}
      </label>
      <a class="button quiet" href="#/inspect">${t("water.inspections")}</a>
    </div>
    ${why && html`<p class="failure" role="alert">${why}</p>`}
    <div class="water-body">
      <${WaterMap}
        place=${place}
        sources=${shown}
        chosen=${chosen}
        onPlace=${(lon, lat) => setPlace({ lon, lat, of: "point", at: Date.now() })}
        onChoose=${setChosen}
      />
      <div class="water-list">
        ${problem && html`<${Failure} problem=${problem} />`}
        ${!place
          ? html`<${Empty} title=${t("water.start")} line=${t("water.start_line")} />`
          : items === null
            ? !problem && html`<p class="loading">…</p>`
            : html`
                <${From} place=${place} at=${at} away=${away} again=${again} />
                <${Sources}
                  place=${place}
                  items=${shown}
                  none=${only && items.length ? "water.none_usable" : "water.none"}
                  at=${at}
                  heading=${heading}
                  chosen=${chosen}
                  onChoose=${setChosen}
                />
              `}
      </div>
    </div>
  </div>`;
}
