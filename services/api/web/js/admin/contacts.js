// Who is called when nobody answers an alarm or 119 does not accept: who is on call now, how, for which area,
// and after how long.
import { get, newKey, post, put, remove } from "../api.js";
import { AskDialog, useGo } from "../desk/dialogs.js";
import { areaName, span } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Buttons, Dialog, Empty, Failure } from "../parts.js";
import { live } from "../store.js";
import { html, useEffect, useRef, useState } from "../ui.js";
import { Choice, Input, useOwnAreas, wordsOf } from "./inputs.js";
import { useList } from "./list.js";

const PATH = "/api/v1/contacts";
const CHANNELS = ["sms", "voice", "webhook"];
const COUNTY_DIGITS = 6;

const fieldsOf = ({ name, channel, address, area, settings, enabled }) => ({
  name,
  channel,
  address,
  area,
  settings,
  enabled,
});
const ofCounty = () =>
  live.get().session.areas.some((code) => code === "*" || code.length <= COUNTY_DIGITS);

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

// Who is called after how long: as the policy has it, in words.
function Steps() {
  const [policy, setPolicy] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    get("/api/v1/policies/escalation").then(setPolicy, setProblem);
  }, []);
  return html`<section class="card">
    <h2><${Icon} name="clock" size="18" />${t("admin.escalation")}</h2>
    ${problem && html`<${Failure} problem=${problem} />`}
    <ol class="plain">
      ${policy?.body.steps.map((step, n) => html`<li key=${n}>
        <b>${step.code ? word("code", step.code) : word("severity", step.severity)}</b>
        ${" "}
        ${t("admin.after", { span: span(step.after_s) })}
        ${" "}
        ${step.channels.map((each) => word("admin.channel", each)).join(t("admin.comma"))}
        <small>${t("admin.step_until", { until: t(`admin.until_${step.until}`) })}</small>
      </li>`)}
    </ol>
  </section>`;
}

export function Contacts() {
  const { items, problem, setProblem, read, more } = useList(PATH);
  const [asked, setAsked] = useState(null);
  const onClose = () => setAsked(null);
  const pathOf = (contact) => `${PATH}/${contact.id}`;
  const turn = (contact) =>
    put(pathOf(contact), { ...fieldsOf(contact), enabled: !contact.enabled }, contact.version).then(
      read,
      setProblem,
    );
  const onCall = items?.filter((contact) => contact.enabled) ?? [];
  return html`
    <section class="card">
      <h2>
        <${Icon} name="phone" size="18" />${t("admin.tab.contacts")}
        <button class="button primary new" onClick=${() => setAsked({ kind: "edit" })}>
          ${t("admin.new_contact")}
        </button>
      </h2>
      <p role="status">
        ${onCall.length
          ? t("admin.on_call_now", { names: onCall.map((one) => one.name).join(t("admin.comma")) })
          : t("admin.nobody_on_call")}
      </p>
      ${problem && html`<${Failure} problem=${problem} />`}
      ${items?.length === 0 && html`<${Empty} title=${t("admin.none")} line=${t("admin.contacts_line")} />`}
      ${items?.length > 0 && html`<div class="scroll"><table class="admin-table">
        <thead>
          <tr>
            <th>${t("input.contact_name")}</th>
            <th>${t("input.channel")}</th>
            <th>${t("input.area")}</th>
            <th>${t("system.state")}</th>
            <th>${t("system.act")}</th>
          </tr>
        </thead>
        <tbody>
          ${items.map((contact) => html`<tr key=${contact.id} class=${contact.enabled ? "" : "off"}>
            <td><b>${contact.name}</b><small>${contact.address}</small></td>
            <td>${word("admin.channel", contact.channel)}</td>
            <td>${contact.area ? areaName(contact.area) : t("admin.whole_county")}</td>
            <td>${t(contact.enabled ? "admin.on_call" : "admin.off_call")}</td>
            <td class="acts">
              <button class="button small" onClick=${() => turn(contact)}>
                ${t(contact.enabled ? "admin.end_call" : "admin.begin_call")}
              </button>
              <button class="button small" onClick=${() => setAsked({ kind: "edit", contact })}>
                ${t("admin.edit")}
              </button>
              <button class="button small" onClick=${() => setAsked({ kind: "remove", contact })}>
                ${t("admin.take_out")}
              </button>
            </td>
          </tr>`)}
        </tbody>
      </table></div>`}
      ${more && html`<button class="button wide" onClick=${more}>${t("devices.more")}</button>`}
    </section>
    <${Steps} />
    ${asked?.kind === "edit" && html`<${ContactDialog}
      contact=${asked.contact}
      onGo=${(body, key) =>
        (asked.contact
          ? put(pathOf(asked.contact), body, asked.contact.version)
          : post(PATH, body, undefined, key)
        ).then(read)}
      onClose=${onClose}
    />`}
    ${asked?.kind === "remove" && html`<${AskDialog}
      title=${t("admin.remove_contact", { name: asked.contact.name })}
      line=${t("admin.remove_contact_line")}
      onGo=${() => remove(pathOf(asked.contact)).then(read)}
      onClose=${onClose}
    />`}
  `;
}
