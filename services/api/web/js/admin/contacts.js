// Who is called when nobody answers an alarm or 119 does not accept: how and for which area, who is on call
// now and next, and after how long.
import { get, newKey, post, put, remove } from "../api.js";
import { AskDialog, useGo } from "../desk/dialogs.js";
import { areaName } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { html, useRef, useState } from "../ui.js";
import { sayDone } from "./done.js";
import { EscalationCard } from "./escalation.js";
import { Choice, Input, ofCounty, useOwnAreas, wordsOf } from "./inputs.js";
import { ListTable, useList } from "./list.js";
import { Rota } from "./rota.js";

const PATH = "/api/v1/contacts";
const CHANNELS = ["sms", "voice", "webhook"];

const fieldsOf = ({ name, channel, address, area, settings, enabled }) => ({
  name,
  channel,
  address,
  area,
  settings,
  enabled,
});

function ContactDialog({ contact, onGo, onClose }) {
  const areas = useOwnAreas();
  const key = useRef(newKey());
  const send = ({ name, channel, address, area }) => {
    const before = contact ? fieldsOf(contact) : { enabled: true, settings: {} };
    return onGo({ ...before, name, channel, address: address.trim(), area: area || null }, key.current).catch(
      (problem) => {
        if (problem.status >= 400 && problem.status < 500) key.current = newKey();
        throw problem;
      },
    );
  };
  const { submit, problem, busy } = useGo(send, onClose);
  const everywhere = ofCounty() ? [["", t("admin.whole_county")]] : [];
  return html`<${Dialog} title=${t(contact ? "admin.edit" : "admin.new_contact")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Input}
        label=${t("input.contact_name")}
        name="name"
        required
        autofocus
        maxlength="200"
        defaultValue=${contact?.name ?? ""}
      />
      <${Choice}
        label=${t("input.channel")}
        name="channel"
        options=${wordsOf("admin.channel", CHANNELS)}
        chosen=${contact?.channel ?? "sms"}
      />
      <${Input}
        label=${t("input.address_to_call")}
        hint=${t("admin.call_hint")}
        name="address"
        required
        maxlength="2000"
        defaultValue=${contact?.address ?? ""}
      />
      <${Choice}
        label=${t("input.area")}
        name="area"
        options=${[...everywhere, ...areas.map(({ code, name }) => [code, name])]}
        chosen=${contact?.area}
      />
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t(contact ? "admin.save" : "admin.create")} />
    </form>
  <//>`;
}

export function Contacts() {
  const list = useList(PATH);
  const [asked, setAsked] = useState(null);
  const onClose = () => setAsked(null);
  const pathOf = (contact) => `${PATH}/${contact.id}`;
  const turn = (contact) =>
    put(pathOf(contact), { ...fieldsOf(contact), enabled: !contact.enabled }, contact.version)
      .finally(list.read)
      .catch(list.setProblem);
  return html`
    ${list.items && html`<${Rota} contacts=${list.items} />`}
    <section class="card">
      <h2>
        <${Icon} name="phone" size="18" />${t("admin.tab.contacts")}
        <button class="button primary new" onClick=${() => setAsked({ kind: "edit" })}>
          ${t("admin.new_contact")}
        </button>
      </h2>
      <${ListTable}
        list=${list}
        titles=${[
          t("input.contact_name"),
          t("input.channel"),
          t("input.area"),
          t("system.state"),
          t("system.act"),
        ]}
        empty=${{ title: t("admin.none"), line: t("admin.contacts_line") }}
        row=${(contact) => html`<tr key=${contact.id} class=${contact.enabled ? "" : "off"}>
          <td><b>${contact.name}</b><small>${contact.address}</small></td>
          <td>${word("admin.channel", contact.channel)}</td>
          <td>${contact.area ? areaName(contact.area) : t("admin.whole_county")}</td>
          <td>${t(contact.enabled ? "admin.enabled" : "admin.disabled")}</td>
          <td class="acts">
            <button class="button small" onClick=${() => turn(contact)}>
              ${t(contact.enabled ? "admin.disable" : "admin.enable")}
            </button>
            <button class="button small" onClick=${() => setAsked({ kind: "edit", contact })}>
              ${t("admin.edit")}
            </button>
            <button class="button small" onClick=${() => setAsked({ kind: "remove", contact })}>
              ${t("admin.take_out")}
            </button>
          </td>
        </tr>`}
      />
    </section>
    <${EscalationCard} />
    ${asked?.kind === "edit" && html`<${ContactDialog}
      contact=${asked.contact}
      onGo=${(body, key) =>
        (asked.contact
          ? put(pathOf(asked.contact), body, asked.contact.version)
          : post(PATH, body, undefined, key)
        )
          .then(() => sayDone(asked.contact ? "saved" : "made", body.name))
          .finally(list.read)}
      onClose=${onClose}
    />`}
    ${asked?.kind === "remove" && html`<${AskDialog}
      title=${t("admin.remove_contact", { name: asked.contact.name })}
      line=${t("admin.remove_contact_line")}
      onGo=${() =>
        remove(pathOf(asked.contact), asked.contact.version)
          .then(() => sayDone("removed", asked.contact.name))
          .finally(list.read)}
      onClose=${onClose}
    />`}
  `;
}
