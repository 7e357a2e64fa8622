// What forms are made of: a field with its hint and its fault, choices, areas one may give.
import { t, word } from "../i18n.js";
import { covers } from "../may.js";
import { live, useStore } from "../store.js";
import { html, useEffect, useRef, useState } from "../ui.js";
import { ROLES } from "../words/lists.js";

// What the server said of a field. The first of a form is brought into sight: the form may be long.
function Fault({ text }) {
  const line = useRef();
  useEffect(() => {
    const first = line.current.closest("form")?.querySelector(".fault");
    if (first === line.current) first.scrollIntoView({ block: "center" });
  }, [text]);
  return html`<small ref=${line} class="fault" role="alert">${text}</small>`;
}

export function Input({ label, hint, fault, area = false, ...rest }) {
  const Tag = area ? "textarea" : "input";
  return html`<label>
    ${label}
    <${Tag}
      autocomplete="off"
      title=${hint}
      aria-invalid=${fault ? "true" : undefined}
      ...${rest}
    />
    ${hint && html`<small>${hint}</small>`}
    ${fault && html`<${Fault} text=${fault} />`}
  </label>`;
}

// `options`: [value, text]. The form holds what was chosen, so drawing again does not undo it.
export function Choice({ label, name, options, chosen, onChange, fault, required = false }) {
  return html`<label>
    ${label}
    <select
      name=${name}
      onChange=${onChange}
      required=${required}
      aria-invalid=${fault ? "true" : undefined}
    >
      ${options.map(([value, text]) => html`<option
        key=${value}
        value=${value}
        selected=${value === (chosen ?? "")}
      >
        ${text}
      </option>`)}
    </select>
    ${fault && html`<${Fault} text=${fault} />`}
  </label>`;
}

// Several of a few, as ticks: the form holds `name:value`.
export function Ticks({ label, name, options, chosen, fault }) {
  return html`<fieldset class="ticks">
    <legend>${label}</legend>
    ${options.map(([value, text]) => html`<label key=${value}>
      <input type="checkbox" name=${`${name}:${value}`} defaultChecked=${chosen.includes(value)} />
      <span>${text}</span>
    </label>`)}
    ${fault && html`<${Fault} text=${fault} />`}
  </fieldset>`;
}

export const tickedOf = (answer, name) =>
  Object.keys(answer)
    .filter((key) => key.startsWith(`${name}:`))
    .map((key) => key.slice(name.length + 1));

// What is no number goes as it is: the API says what it wants instead.
export const numberOf = (text) =>
  text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);

// An administrator of the whole county: what belongs to no township is theirs to change.
const COUNTY_DIGITS = 6;
export const ofCounty = () =>
  live.get().session.areas.some((code) => code === "*" || code.length <= COUNTY_DIGITS);

export const wordsOf = (group, names) => names.map((name) => [name, word(group, name)]);

export function useOwnAreas() {
  return useStore(live, (state) => state.areas).filter(({ code }) => covers(code));
}

export function AreaChoice({ chosen, onChange }) {
  const areas = useOwnAreas();
  const known = areas.some(({ code }) => code === chosen);
  const options = areas.map(({ code, name }) => [code, name === code ? code : `${name} ${code}`]);
  if (chosen && !known) options.push([chosen, chosen]);
  return html`<${Choice}
    label=${t("input.area")}
    name="area"
    options=${[["", t("admin.choose")], ...options]}
    chosen=${chosen}
    onChange=${(event) => onChange?.(event.target.value)}
    required
  />`;
}

// A role with what it may do, said of the one that is chosen.
export function RoleChoice({ chosen }) {
  const [role, setRole] = useState(chosen);
  return html`<div class="role-choice">
    <${Choice}
      label=${t("input.role")}
      name="role"
      options=${wordsOf("role", ROLES)}
      chosen=${role}
      onChange=${(event) => setRole(event.target.value)}
    />
    <p class="hint" role="status">${t(`admin.may.${role}`)}</p>
  </div>`;
}

const BOX = "area:";

export function areasOf(answer) {
  const ticked = Object.keys(answer)
    .filter((name) => name.startsWith(BOX))
    .map((name) => name.slice(BOX.length));
  if (!ticked.length) throw { text: t("admin.areas_needed") };
  return ticked.includes("*") ? ["*"] : ticked;
}

export function AreaChecks({ chosen = [] }) {
  const areas = useOwnAreas();
  const everywhere = live.get().session.areas.includes("*");
  const strange = chosen.filter((code) => code !== "*" && !areas.some((area) => area.code === code));
  const boxes = [
    ...(everywhere ? [["*", t("admin.everywhere")]] : []),
    ...areas.map(({ code, name }) => [code, name]),
    ...strange.map((code) => [code, code]),
  ];
  return html`<fieldset class="admin-areas">
    <legend>${t("input.areas")}</legend>
    ${boxes.map(([code, name]) => html`<label key=${code}>
      <input type="checkbox" name=${BOX + code} defaultChecked=${chosen.includes(code)} />
      <span>${name}</span>
    </label>`)}
  </fieldset>`;
}

export function areaNames(codes, areas) {
  const nameOf = (code) => areas.find((area) => area.code === code)?.name ?? code;
  return codes.map((code) => (code === "*" ? t("admin.everywhere") : nameOf(code))).join(t("admin.comma"));
}
