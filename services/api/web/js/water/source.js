// One source of water: which way, how far, what it gives and how old that is, and the way there.
import { bearing, distance, measured, span } from "../format.js";
import { Icon } from "../icons.js";
import { pick, t, word } from "../i18n.js";
import { Chip, classes } from "../parts.js";
import { html, useEffect, useRef } from "../ui.js";
import { wayTo } from "./maps.js";
import { ageNow } from "./nearest.js";

const FIGURES = ["pressure_mpa", "level_pct", "level_m"];
const UNITS = { pressure_mpa: "MPa", level_pct: "%", level_m: "m" };

const given = (value) => value !== null && value !== undefined;

// The answer at the moment: a value that has become too old since says nothing any more.
export function verdict(source, at) {
  if (source.usable === true && ageNow(source, at).stale) return "stale";
  return source.usable === true ? "usable" : source.usable === false ? "unusable" : "unknown";
}

function Arrow({ degrees }) {
  return html`<svg class="compass" width="46" height="46" viewBox="0 0 46 46" aria-hidden="true">
    <circle cx="23" cy="23" r="21" />
    <path transform=${`rotate(${degrees} 23 23)`} d="M23 8 31 33l-8-5-8 5z" />
  </svg>`;
}

export function Source({ source, at, heading, back, first, chosen, onChoose }) {
  const row = useRef();
  useEffect(() => {
    if (chosen) row.current.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  const says = verdict(source, at);
  const { age_s, stale } = ageNow(source, at);
  const direction = source.bearing_deg ?? 0;
  const figure = FIGURES.find((name) => given(source[name]));
  const reasons = (source.reasons ?? []).filter((reason) => reason.code !== "stale");
  const name = source.name || source.code;
  const code = encodeURIComponent(source.code);
  const still = (event) => event.stopPropagation();
  return html`<li
    ref=${row}
    class=${classes("source", says, stale && "old", first && "first", chosen && "chosen")}
    data-code=${source.code}
    onClick=${() => onChoose(source)}
  >
    <${Arrow} degrees=${(direction - (heading ?? 0) + 360) % 360} />
    <div class="source-text">
      <a class="source-name" href=${`#/devices/${code}`} onClick=${still}>${name}</a>
      <span class="hint">
        ${word("form", source.form ?? source.kind)} · <b class="says">${t(`water.${says}`)}</b>
        ${given(age_s) ? ` · ${t("water.age", { span: span(age_s) })}` : ""}
      </span>
      ${(stale || reasons.length > 0) && html`<span class="why">
        ${stale && html`<${Chip} kind="why-chip">${t("water.old_value")}<//>`}
        ${reasons.map((reason) => html`<${Chip} key=${reason.code ?? reason} kind="why-chip">
          ${reason.text ? pick(reason.text, reason.text_en) : word("reason", reason.code ?? reason)}
        <//>`)}
      </span>`}
      <a
        class="hint source-map"
        href=${`#/map/${code}?back=${encodeURIComponent(back)}`}
        onClick=${still}
      >
        ${t("desk.on_map")}
      </a>
    </div>
    <div class="source-figures">
      <b class="far">${distance(source.distance_m)}</b>
      <span>${bearing(direction)}</span>
    </div>
    <div class="source-figures">
      <b>${figure ? measured(figure, source[figure]) : "–"}</b>
      <span>${figure && UNITS[figure]}</span>
    </div>
    ${says !== "unusable" && source.location && html`<a
      class="source-go"
      href=${wayTo(source.location, name)}
      aria-label=${`${t("water.go")}: ${name}`}
      onClick=${still}
    >
      <${Icon} name="arrow" />
    </a>`}
  </li>`;
}
