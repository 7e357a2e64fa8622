// Who may sign in: as what, for which areas.
import { post, put, remove } from "../api.js";
import { AskDialog } from "../desk/dialogs.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { live, useStore } from "../store.js";
import { html, useState } from "../ui.js";
import { areaNames } from "./inputs.js";
import { sayDone } from "./done.js";
import { ListTable, useList } from "./list.js";
import { NewPassword, PersonDialog } from "./person-dialogs.js";
import { SecretCard, showSecret } from "./secret.js";

const PATH = "/api/v1/users";
const SECRET = "people";

const pathOf = (person) => `${PATH}/${encodeURIComponent(person.username)}`;
const show = (title, username, password) =>
  showSecret(`${SECRET}:${username}`, {
    title,
    rows: [
      [t("input.username"), username],
      [t("input.password"), password, true],
    ],
  });

function Row({ person, areas, own, onAsk }) {
  const ask = (kind) => () => onAsk({ kind, person });
  return html`<tr class=${person.enabled ? "" : "off"}>
    <td>
      <b>${person.name || person.username}</b>
      <small>${person.username}${own ? ` · ${t("admin.yourself")}` : ""}</small>
    </td>
    <td>${word("role", person.role)}</td>
    <td>${areaNames(person.areas, areas)}</td>
    <td>
      <span class=${`status ${person.enabled ? "" : "status-offline"}`}>
        <i aria-hidden="true"></i>${t(person.enabled ? "admin.enabled" : "admin.disabled")}
      </span>
    </td>
    <td class="acts">
      <button class="button small" onClick=${ask("edit")}>${t("admin.edit")}</button>
      ${!own && html`<button class="button small" onClick=${ask("password")}>
        ${t("admin.reset_password")}
      </button>`}
      ${!own && html`<button class="button small" onClick=${ask(person.enabled ? "disable" : "enable")}>
        ${t(person.enabled ? "admin.disable" : "admin.enable")}
      </button>`}
    </td>
  </tr>`;
}

function Asked({ asked, own, read, onClose }) {
  const { kind, person } = asked;
  const change = (body) =>
    put(pathOf(person), body, person.version)
      .then(() => sayDone("saved", person.username))
      .finally(read);
  const create = async (body) => {
    await post(PATH, body);
    show(t("admin.person_made", { name: body.username }), body.username, body.password);
    await read();
  };
  const reset = async (password) => {
    await put(pathOf(person), { password }, person.version);
    show(t("admin.password_made", { name: person.username }), person.username, password);
    await read();
  };
  const ask = (act) => html`<${AskDialog}
    title=${t(`admin.${kind}_title`, { name: person.username })}
    line=${t(`admin.${kind}_line`)}
    onGo=${act}
    onClose=${onClose}
  />`;
  if (kind === "new") return html`<${PersonDialog} onGo=${create} onClose=${onClose} />`;
  if (kind === "edit")
    return html`<${PersonDialog} person=${person} own=${own} onGo=${change} onClose=${onClose} />`;
  if (kind === "password")
    return html`<${NewPassword} person=${person} onGo=${reset} onClose=${onClose} />`;
  if (kind === "disable")
    return ask(() =>
      remove(pathOf(person))
        .then(() => sayDone("saved", person.username))
        .finally(read),
    );
  return ask(() => change({ enabled: true }));
}

export function People() {
  const list = useList(PATH);
  const [asked, setAsked] = useState(null);
  const { areas, session } = useStore(live, (state) => state);
  const isOwn = (person) => person?.username === session?.username;
  return html`
    <${SecretCard} name=${SECRET} />
    <section class="card">
      <h2>
        <${Icon} name="person" size="18" />${t("admin.tab.people")}
        <button class="button primary new" onClick=${() => setAsked({ kind: "new" })}>
          ${t("admin.new_person")}
        </button>
      </h2>
      <${ListTable}
        list=${list}
        titles=${[
          t("input.person_name"),
          t("input.role"),
          t("input.areas"),
          t("system.state"),
          t("system.act"),
        ]}
        empty=${{ title: t("admin.none") }}
        row=${(person) => html`<${Row}
          key=${person.id}
          person=${person}
          areas=${areas}
          own=${isOwn(person)}
          onAsk=${setAsked}
        />`}
      />
    </section>
    ${asked && html`<${Asked}
      asked=${asked}
      own=${isOwn(asked.person)}
      read=${list.read}
      onClose=${() => setAsked(null)}
    />`}
  `;
}
