// Keys of machines: shown once, revoked here.
import { post, remove } from "../api.js";
import { serverNow } from "../clock.js";
import { AskDialog, useGo } from "../desk/dialogs.js";
import { dateTime } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Buttons, Dialog, Failure, personName } from "../parts.js";
import { live, useStore } from "../store.js";
import { html, useState } from "../ui.js";
import { AreaChecks, areaNames, areasOf, Choice, Input, RoleChoice } from "./inputs.js";
import { sayDone } from "./done.js";
import { ListTable, useList } from "./list.js";
import { SecretCard, showSecret } from "./secret.js";

const PATH = "/api/v1/api-keys";
const SECRET = "keys";
const DAY_MS = 86_400_000;
const LIVES_D = [90, 365, 1095, 0]; // 0: until revoked

function NewKey({ onGo, onClose }) {
  const send = ({ name, role, days, ...answer }) => {
    const until = Number(days) ? new Date(serverNow() + days * DAY_MS).toISOString() : null;
    return onGo({ name, role, areas: areasOf(answer), expires_at: until });
  };
  const { submit, problem, busy } = useGo(send, onClose);
  return html`<${Dialog} title=${t("admin.new_key")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Input}
        label=${t("admin.key_for")}
        hint=${t("admin.key_for_hint")}
        name="name"
        required
        autofocus
        maxlength="200"
      />
      <${RoleChoice} chosen="viewer" />
      <${AreaChecks} />
      <${Choice}
        label=${t("admin.key_life")}
        name="days"
        options=${LIVES_D.map((n) => [String(n), n ? t("admin.days", { n }) : t("admin.until_revoked")])}
        chosen="365"
      />
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("admin.create")} />
    </form>
  <//>`;
}

function stateOf(key) {
  if (key.usable) return t("admin.enabled");
  return t(key.revoked_at ? "admin.revoked" : "admin.key_dead");
}

function Row({ one, areas, onAsk }) {
  const until = one.expires_at ? t("admin.until", { at: dateTime(one.expires_at, true) }) : null;
  return html`<tr class=${one.usable ? "" : "off"}>
    <td><b>${one.name}</b><small>${one.hint}…</small></td>
    <td>${word("role", one.role)}</td>
    <td>${areaNames(one.areas, areas)}</td>
    <td>
      <span class=${`status ${one.usable ? "" : "status-offline"}`}>
        <i aria-hidden="true"></i>${stateOf(one)}
      </span>
      <small>
        ${t("admin.made_by", { who: personName(one.created_by), at: dateTime(one.created_at, true) })}
      </small>
      <small>${until ?? t("admin.until_revoked")}</small>
    </td>
    <td class="acts">
      ${!one.revoked_at && html`<button class="button small" onClick=${() => onAsk(one)}>
        ${t("admin.revoke")}
      </button>`}
    </td>
  </tr>`;
}

export function Keys() {
  const list = useList(PATH);
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState(null);
  const areas = useStore(live, (state) => state.areas);
  const create = async (body) => {
    const { key } = await post(PATH, body);
    showSecret(`${SECRET}:${body.name}`, {
      title: t("admin.key_made", { name: body.name }),
      rows: [
        [t("admin.key"), key, true],
        [t("admin.key_use"), `Authorization: Bearer ${key}`, true],
      ],
    });
    await list.read();
  };
  return html`
    <${SecretCard} name=${SECRET} />
    <section class="card">
      <h2>
        <${Icon} name="key" size="18" />${t("admin.tab.keys")}
        <button class="button primary new" onClick=${() => setMaking(true)}>${t("admin.new_key")}</button>
      </h2>
      <${ListTable}
        list=${list}
        titles=${[t("admin.key_for"), t("input.role"), t("input.areas"), t("system.state"), t("system.act")]}
        empty=${{ title: t("admin.none"), line: t("admin.no_keys_line") }}
        row=${(one) => html`<${Row} key=${one.id} one=${one} areas=${areas} onAsk=${setRevoking} />`}
      />
    </section>
    ${making && html`<${NewKey} onGo=${create} onClose=${() => setMaking(false)} />`}
    ${revoking && html`<${AskDialog}
      title=${t("admin.revoke_title", { name: revoking.name })}
      line=${t("admin.revoke_line")}
      onGo=${() =>
        remove(`${PATH}/${revoking.id}`)
          .then(() => sayDone("revoked", revoking.name))
          .finally(list.read)}
      onClose=${() => setRevoking(null)}
    />`}
  `;
}
