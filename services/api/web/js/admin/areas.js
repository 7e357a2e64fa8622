// Administrative areas: their codes are in every topic and every person's rights.
import { getAll, put, remove } from "../api.js";
import { AskDialog, useGo } from "../desk/dialogs.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { live } from "../store.js";
import { html, useState } from "../ui.js";
import { sayDone } from "./done.js";
import { Choice, Input, useOwnAreas } from "./inputs.js";

const PATH = "/api/v1/areas";

// The names are on every page: what was changed here is known there at once.
const readAreas = () =>
  getAll(PATH).then(
    (areas) => live.set({ areas }),
    () => null,
  );

const parentOf = (code, areas) =>
  areas
    .map((area) => area.code)
    .filter((one) => one !== code && code.startsWith(one))
    .sort((a, b) => b.length - a.length)[0] ?? null;

async function removeArea({ code, name }) {
  await remove(`${PATH}/${code}`);
  sayDone("removed", name);
  await readAreas();
}

function AreaDialog({ area, areas, onClose }) {
  const send = async ({ code = area.code, name, parent }) => {
    if (!area && areas.some((one) => one.code === code)) throw { text: t("admin.area_there", { code }) };
    const body = { name, parent: parent || parentOf(code, areas), location: area?.location ?? null };
    await put(`${PATH}/${code}`, body);
    sayDone(area ? "saved" : "made", name);
    await readAreas();
  };
  const { submit, problem, busy } = useGo(send, onClose);
  const title = area ? t("admin.edit_area", { name: area.name }) : t("admin.new_area");
  const above = areas.filter(({ code }) => code !== area?.code && (!area || area.code.startsWith(code)));
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      ${!area && html`<${Input}
        label=${t("input.code_area")}
        hint=${t("admin.area_hint")}
        name="code"
        required
        autofocus
        inputmode="numeric"
        pattern="[0-9]{6,12}"
      />`}
      <${Input}
        label=${t("input.name")}
        name="name"
        required
        maxlength="200"
        defaultValue=${area?.name ?? ""}
      />
      <${Choice}
        label=${t("admin.parent")}
        name="parent"
        options=${[["", t("admin.by_code")], ...above.map(({ code, name }) => [code, `${name} ${code}`])]}
        chosen=${area?.parent}
      />
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("admin.save")} />
    </form>
  <//>`;
}

export function Areas() {
  const areas = useOwnAreas();
  const [asked, setAsked] = useState(null);
  const nameOf = (code) => live.get().areas.find((area) => area.code === code)?.name ?? code ?? "–";
  return html`
    <section class="card">
      <h2>
        <${Icon} name="map" size="18" />${t("admin.tab.areas")}
        <button class="button primary new" onClick=${() => setAsked({})}>${t("admin.new_area")}</button>
      </h2>
      <div class="scroll"><table class="admin-table">
        <thead>
          <tr>
            <th>${t("input.name")}</th>
            <th>${t("input.code_area")}</th>
            <th>${t("admin.parent")}</th>
            <th>${t("system.act")}</th>
          </tr>
        </thead>
        <tbody>
          ${areas.map((area) => html`<tr key=${area.code}>
            <td><b>${area.name}</b></td>
            <td>${area.code}</td>
            <td>${nameOf(area.parent)}</td>
            <td class="acts">
              <button class="button small" onClick=${() => setAsked({ area })}>${t("admin.edit")}</button>
              <button class="button small" onClick=${() => setAsked({ gone: area })}>
                ${t("admin.remove")}
              </button>
            </td>
          </tr>`)}
        </tbody>
      </table></div>
    </section>
    ${asked?.gone && html`<${AskDialog}
      title=${t("admin.remove_area", { name: asked.gone.name })}
      line=${t("admin.remove_area_line")}
      onGo=${() => removeArea(asked.gone)}
      onClose=${() => setAsked(null)}
    />`}
    ${asked && !asked.gone && html`<${AreaDialog}
      area=${asked.area}
      areas=${areas}
      onClose=${() => setAsked(null)}
    />`}
  `;
}
