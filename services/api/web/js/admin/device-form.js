// A device: what it is, where it stands, to which site it belongs.
import { get, getAll, put } from "../api.js";
import { useGo } from "../desk/dialogs.js";
import { t, word } from "../i18n.js";
import { Failure } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";
import { FORMS_OF, KINDS } from "../words/lists.js";
import { AreaChoice, Choice, Input, wordsOf } from "./inputs.js";
import { Leaving } from "./leave.js";
import { Place, placeOf } from "./place.js";

const TEXTS = ["name", "address", "owner", "maintainer"];
const CODE = "[A-Za-z0-9_\\-]{1,64}";

const pathOf = (code) => `/api/v1/devices/${encodeURIComponent(code)}`;

function bodyOf(answer, device) {
  const body = { kind: answer.kind, area: answer.area, sleepy: Boolean(answer.sleepy) };
  for (const name of TEXTS) body[name] = answer[name].trim();
  body.site = Number(answer.site) || null;
  if (FORMS_OF[answer.kind]) body.form = answer.form || null;
  if (answer.expected_interval_s) body.expected_interval_s = Number(answer.expected_interval_s);
  if (answer.kind === "electrical") body.rated_current_a = Number(answer.rated_current_a) || null;
  if (answer.kind === "panel") body.gateway_address = answer.gateway_address?.trim() || null;
  const location = placeOf(answer, device?.location);
  return location === undefined ? body : { ...body, location };
}

// A PUT of a code that is there already would change that device.
async function refuseKnown(code) {
  const known = await get(pathOf(code)).catch((problem) => {
    if (problem.status !== 404) throw problem;
    return null;
  });
  if (known) throw { text: t("admin.device_there", { code }) };
}

function useSites() {
  const [sites, setSites] = useState(null);
  useEffect(() => {
    getAll("/api/v1/sites").then(setSites, () => setSites([]));
  }, []);
  return sites;
}

function SiteChoice({ sites, chosen, name, onChange }) {
  const known = sites.some((site) => site.id === chosen);
  const options = sites.map((site) => [String(site.id), site.name]);
  if (chosen && !known) options.push([String(chosen), name || String(chosen)]);
  return html`<${Choice}
    label=${t("desk.site")}
    name="site"
    options=${[["", t("admin.no_site")], ...options]}
    chosen=${chosen ? String(chosen) : ""}
    onChange=${onChange}
  />`;
}

function OfKind({ kind, device }) {
  if (FORMS_OF[kind]) {
    const other = device?.kind === kind && device.form; // as the ledger has it, usual for the kind or not
    const forms = [...new Set([...FORMS_OF[kind], ...(other ? [other] : [])])];
    return html`<${Choice}
      label=${t("devices.form")}
      name="form"
      options=${[["", t("admin.not_said")], ...wordsOf("form", forms)]}
      chosen=${device?.form}
    />`;
  }
  if (kind === "electrical")
    return html`<${Input}
      label=${t("input.rated_current_a")}
      hint=${t("admin.rated_hint")}
      name="rated_current_a"
      type="number"
      min="0.001"
      step="any"
      defaultValue=${device?.rated_current_a ?? ""}
    />`;
  return html`<${Input}
    label=${t("input.gateway_address")}
    hint=${t("admin.gateway_hint")}
    name="gateway_address"
    pattern="[0-9a-fA-F]{12}"
    defaultValue=${device?.gateway_address ?? ""}
  />`;
}

function Usual({ device }) {
  return html`<details>
    <summary>${t("admin.more_fields")}</summary>
    <div class="columns">
      <${Input}
        label=${t("input.expected_interval_s")}
        hint=${t("admin.interval_hint")}
        name="expected_interval_s"
        type="number"
        min="1"
        max="604800"
        defaultValue=${device?.expected_interval_s ?? ""}
      />
      <label class="check">
        <input type="checkbox" name="sleepy" defaultChecked=${device?.sleepy ?? false} />
        <span>${t("admin.sleepy")}</span>
      </label>
      <${Input}
        label=${t("devices.owner")}
        name="owner"
        maxlength="200"
        defaultValue=${device?.owner ?? ""}
      />
      <${Input}
        label=${t("devices.maintainer")}
        name="maintainer"
        maxlength="200"
        defaultValue=${device?.maintainer ?? ""}
      />
    </div>
  </details>`;
}

// `at`: the site where a new one stands.
export function DeviceForm({ device, at, go, onDone }) {
  const sites = useSites();
  const [kind, setKind] = useState(device?.kind ?? "hydrant");
  const [chosenArea, setArea] = useState(null);
  const send = async (answer) => {
    const body = bodyOf(answer, device);
    const code = device?.code ?? answer.code.trim();
    if (!device) await refuseKnown(code);
    onDone(await put(pathOf(code), body, device?.version));
  };
  const { submit, problem, busy } = useGo(send, () => null);
  const site = device?.site ?? at ?? null;
  const stands = sites?.find(({ id }) => id === site);
  // A new one stands where its site is, until somebody says otherwise.
  const follow = ({ target }) => {
    const chosen = sites.find(({ id }) => String(id) === target.value);
    if (device || !chosen) return;
    setArea(chosen.area);
    const { address } = target.form.elements;
    address.value ||= chosen.address;
  };
  const area = chosenArea ?? device?.area ?? stands?.area;
  if (!sites) return html`<p class="loading">…</p>`;
  return html`<form class="admin-form" onSubmit=${submit}>
    <div class="columns">
      ${!device && html`<${Input}
        label=${t("input.code")}
        hint=${t("admin.code_hint")}
        name="code"
        required
        pattern=${CODE}
        spellcheck=${false}
      />`}
      <label>
        ${t("devices.kind")}
        <select name="kind" onChange=${(event) => setKind(event.target.value)}>
          ${KINDS.map((each) => html`<option key=${each} value=${each} selected=${each === kind}>
            ${word("kind", each)}
          </option>`)}
        </select>
      </label>
      <${OfKind} key=${kind} kind=${kind} device=${device} />
      <${Input} label=${t("input.name")} name="name" maxlength="200" defaultValue=${device?.name ?? ""} />
      <${SiteChoice} sites=${sites} chosen=${site} name=${device?.site_name} onChange=${follow} />
      <${AreaChoice} chosen=${area} onChange=${setArea} />
      <${Input}
        label=${t("input.address")}
        name="address"
        maxlength="200"
        defaultValue=${device?.address ?? stands?.address ?? ""}
      />
    </div>
    <${Place} location=${device ? device.location : stands?.location} area=${area} />
    <${Usual} device=${device} />
    <${Leaving} saved=${device?.version} />
    ${problem && html`<${Failure} problem=${problem} />`}
    <div class="buttons">
      <button type="submit" class="button primary" disabled=${busy}>${go}</button>
    </div>
  </form>`;
}
