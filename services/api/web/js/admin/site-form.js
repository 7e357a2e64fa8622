// A site: what it is called, where it stands, who is called, how one gets in.
import { newKey, post, put } from "../api.js";
import { useGo } from "../desk/dialogs.js";
import { t } from "../i18n.js";
import { Failure } from "../parts.js";
import { html, useRef, useState } from "../ui.js";
import { ContactRows, contactsOf } from "./contact-rows.js";
import { AreaChoice, Input } from "./inputs.js";
import { Leaving } from "./leave.js";
import { Place, placeOf } from "./place.js";

const PATH = "/api/v1/sites";

function bodyOf(answer, site) {
  const body = { contacts: contactsOf(answer) };
  for (const name of ["name", "area", "address", "access_note"]) body[name] = answer[name].trim();
  const location = placeOf(answer, site?.location);
  return location === undefined ? body : { ...body, location };
}

// Two sites may have one name. What is sent again after no answer came is the same request, so the server
// makes one site.
function useCreate() {
  const last = useRef({});
  return (body) => {
    const text = JSON.stringify(body);
    if (last.current.text !== text) last.current = { text, key: newKey() };
    return post(PATH, body, undefined, last.current.key);
  };
}

export function SiteForm({ site, go, onDone }) {
  const create = useCreate();
  const [area, setArea] = useState(site?.area);
  const send = async (answer) => {
    const body = bodyOf(answer, site);
    onDone(await (site ? put(`${PATH}/${site.id}`, body, site.version) : create(body)));
  };
  const { submit, problem, busy } = useGo(send, () => null);
  return html`<form class="admin-form" onSubmit=${submit}>
    <div class="columns">
      <${Input}
        label=${t("admin.site_name")}
        name="name"
        required
        maxlength="200"
        defaultValue=${site?.name ?? ""}
      />
      <${AreaChoice} chosen=${area} onChange=${setArea} />
    </div>
    <${Input}
      label=${t("input.address")}
      name="address"
      maxlength="200"
      defaultValue=${site?.address ?? ""}
    />
    <${Place} location=${site?.location} area=${area} />
    <${ContactRows} contacts=${site?.contacts ?? []} />
    <${Input}
      area
      label=${t("desk.access")}
      hint=${t("admin.access_hint")}
      name="access_note"
      rows="2"
      maxlength="2000"
      defaultValue=${site?.access_note ?? ""}
    />
    <${Leaving} saved=${site?.version} />
    ${problem && html`<${Failure} problem=${problem} />`}
    <div class="buttons">
      <button type="submit" class="button primary" disabled=${busy}>${go}</button>
    </div>
  </form>`;
}
