// The links to townships that run a system of their own: whether each stands, and how far it is behind.
import { get } from "../api.js";
import { ago, areaName, compact, span } from "../format.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { Failure } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";

const EVERY_MS = 10_000;

// A link that stands has nothing to say but that: only what is not so stands out.
function state({ last_heard, silent }) {
  if (!last_heard) return ["status-discovered", t("system.township_never")];
  return silent
    ? ["status-offline", t("system.township_silent")]
    : ["", t("system.connected")];
}

function behind({ backlog_rows, backlog_s }) {
  if (backlog_rows === null) return "–";
  if (!backlog_rows) return t("system.township_level");
  return t("system.township_behind", { n: compact(backlog_rows), span: span(backlog_s ?? 0) });
}

function Row({ link, now }) {
  const [kind, says] = state(link);
  return html`<tr data-township=${link.name}>
    <td><b>${link.name}</b><small>${link.areas.map(areaName).join(t("system.comma"))}</small></td>
    <td><span class=${`status ${kind}`}><i aria-hidden="true"></i>${says}</span></td>
    <td>${link.last_heard ? ago(link.last_heard, now) : "–"}</td>
    <td>${behind(link)}</td>
    <td class="opt">${link.version ?? "–"}</td>
  </tr>`;
}

export function Townships({ now }) {
  const [links, setLinks] = useState([]);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    const read = () =>
      get("/api/v1/townships").then(({ items }) => {
        setProblem(null);
        setLinks(items);
      }, setProblem);
    read();
    const timer = setInterval(read, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  if (!links.length && !problem) return "";
  return html`<section class="card townships">
    <h3><${Icon} name="door" size="18" />${t("system.townships")}</h3>
    ${problem && html`<${Failure} problem=${problem} />`}
    <table>
      <thead>
        <tr>
          <th>${t("system.township")}</th>
          <th>${t("system.state")}</th>
          <th>${t("devices.seen")}</th>
          <th>${t("system.township_backlog")}</th>
          <th class="opt">${t("system.version")}</th>
        </tr>
      </thead>
      <tbody>${links.map((link) => html`<${Row} key=${link.name} link=${link} now=${now} />`)}</tbody>
    </table>
  </section>`;
}
