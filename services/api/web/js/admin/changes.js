// Who changed a policy to what, the newest first: for whom the audit is open, else who changed it last.
import { get, query } from "../api.js";
import { dateTime } from "../format.js";
import { t } from "../i18n.js";
import { personName } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";

const MOST = 5;
const text = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));

const said = (body) =>
  Object.entries(body ?? {})
    .map(([name, value]) => `${name} = ${text(value)}`)
    .join(t("admin.comma"));

export function Changes({ policy, long = false }) {
  const [rows, setRows] = useState([]);
  const { name, version, updated_by: by, updated_at: at } = policy;
  useEffect(() => {
    if (!version) return;
    get(query("/api/v1/audit", { action: "policy.put", target: name, limit: MOST })).then(
      (page) => setRows(page.items),
      () => setRows([]), // an administrator of a township: only the last change is known
    );
  }, [name, version]);
  if (!version) return html`<p class="hint">${t("policies.never_changed")}</p>`;
  const shown = rows.length ? rows : [{ id: 0, actor: by, at, detail: {} }];
  return html`<ul class="plain changes" aria-label=${t("policies.changes")}>
    ${shown.map((row) => html`<li key=${row.id}>
      ${!long && said(row.detail?.body)}
      ${long && t("policies.changes")}
      <small>${t("admin.changed_by", { who: personName(row.actor), at: dateTime(row.at, true) })}</small>
    </li>`)}
  </ul>`;
}
