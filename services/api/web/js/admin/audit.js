// Who changed what, newest first; the filters narrow it, CSV takes away what they let through.
import { download, fileName } from "../download.js";
import { dateTime } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Failure, personName } from "../parts.js";
import { html, useState } from "../ui.js";
import { fieldName } from "../problems.js";
import { adminNames } from "../words/zh-admin-names.js";
import { momentOf } from "../zone.js";
import { ListTable, useList } from "./list.js";

const PATH = "/api/v1/audit";
const ACTIONS = Object.keys(adminNames)
  .filter((key) => key.startsWith("audit."))
  .map((key) => key.slice("audit.".length));

// A day of the county's calendar as a moment.
const dayStart = (day, plus = 0) => {
  if (!day) return "";
  const [year, month, date] = day.split("-").map(Number);
  return new Date(momentOf({ year, month, day: date + plus })).toISOString();
};

const wantedOf = ({ actor, action, target, from, to }) => ({
  actor: actor.trim() && !actor.includes(":") ? `user:${actor.trim()}` : actor.trim(),
  action,
  target: target.trim(),
  from: dayStart(from),
  to: dayStart(to, 1),
});

const text = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));

// Where a target is shown: "site:12" of a site, the bare code of a device.
const PLACES = {
  alarm: (id) => `desk/history/${id}`,
  site: (id) => `admin/sites/${id}`,
  device: (code) => `admin/devices/${encodeURIComponent(code)}`,
};

function Target({ text, action }) {
  const [, kind, id] = text.match(/^(\w+):(\w+)$/) ?? [null, action.split(".")[0], text];
  if (!id) return "–";
  const known = t(`admin.target.${kind}`);
  const label = known === `admin.target.${kind}` || id === text ? text : `${known} ${id}`;
  const to = action !== "device.import" && PLACES[kind];
  return to ? html`<a href=${`#/${to(id)}`}>${label}</a>` : label;
}

function Detail({ detail }) {
  const parts = Object.entries(detail ?? {});
  if (!parts.length) return null;
  return html`<details>
    <summary>${t("admin.detail")}</summary>
    <dl class="audit-detail">
      ${parts.map(([name, value]) => html`<div key=${name}>
        <dt>${fieldName(name)}</dt>
        <dd>${text(value)}</dd>
      </div>`)}
    </dl>
  </details>`;
}

const Line = ({ row }) => html`<tr>
  <td>${dateTime(row.at, true)}</td>
  <td>${personName(row.actor)}<small>${row.actor.startsWith("key:") ? t("admin.key") : ""}</small></td>
  <td>${word("audit", row.action)}</td>
  <td><${Target} text=${row.target} action=${row.action} /></td>
  <td><${Detail} detail=${row.detail} /></td>
</tr>`;

export function Audit() {
  const [filter, setFilter] = useState({ actor: "", action: "", target: "", from: "", to: "" });
  const [failed, setFailed] = useState(null);
  const wanted = wantedOf(filter);
  const list = useList(PATH, wanted);
  const set = (name) => (event) => setFilter({ ...filter, [name]: event.target.value });
  const field = (name, type = "search") => html`<label>
    ${t(`admin.audit_${name}`)}
    <input type=${type} maxlength="100" value=${filter[name]} onInput=${set(name)} />
  </label>`;
  return html`<section class="card">
    <h2>
      <${Icon} name="list" size="18" />${t("admin.tab.audit")}
      <button
        class="button small new"
        onClick=${() =>
          download(PATH, wanted, fileName("audit", filter.from, filter.to)).then(
            () => setFailed(null),
            setFailed,
          )}
      >
        ${t("file.csv")}
      </button>
    </h2>
    <form class="columns filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      ${field("actor")}
      <label>
        ${t("admin.audit_action")}
        <select value=${filter.action} onChange=${set("action")}>
          <option value="">${t("admin.all_actions")}</option>
          ${ACTIONS.map((action) => html`<option key=${action} value=${action}>
            ${word("audit", action)}
          </option>`)}
        </select>
      </label>
      ${field("target")} ${field("from", "date")} ${field("to", "date")}
    </form>
    ${failed && html`<${Failure} problem=${failed} />`}
    <${ListTable}
      list=${list}
      titles=${[
        t("system.when"),
        t("admin.audit_actor"),
        t("admin.audit_action"),
        t("admin.audit_target"),
        t("admin.detail"),
      ]}
      empty=${{ title: t("admin.no_audit") }}
      row=${(row) => html`<${Line} key=${row.id} row=${row} />`}
    />
  </section>`;
}
