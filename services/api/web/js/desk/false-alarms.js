// False alarms per site over 30 days, worst first: more than five a day needs action.
import { areaName } from "../format.js";
import { t } from "../i18n.js";
import { Chip, Empty, Failure } from "../parts.js";
import { html } from "../ui.js";
import { useHandover } from "./handover-data.js";

const HOT_PER_DAY = 5;

export function FalseAlarms() {
  const { data, problem } = useHandover();
  if (!data) return problem ? html`<${Failure} problem=${problem} />` : html`<p class="loading">…</p>`;
  const rows = (data.false_alarms ?? []).filter((row) => row.count_30d > 0);
  if (!rows.length) return html`<${Empty} title=${t("false.none")} />`;
  const most = Math.max(...rows.map((row) => row.count_30d));
  return html`<section class="card false-alarms" tabindex="0">
    <h2>${t("false.title")}</h2>
    <table>
      <thead>
        <tr>
          <th>${t("false.site")}</th>
          <th>${t("desk.area")}</th>
          <th class="num">${t("false.30d")}</th>
          <th></th>
          <th class="num">${t("false.24h")}</th>
          <th class="num">${t("false.share")}</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<tr key=${row.site?.id ?? row.area}>
          <td>
            ${row.site?.name ?? "–"}${" "}
            ${row.count_24h > HOT_PER_DAY && html`<${Chip} kind="hot">${t("false.hot")}<//>`}
          </td>
          <td>${areaName(row.area)}</td>
          <td class="num"><b>${row.count_30d}</b></td>
          <td class="meter-cell"><meter max=${most} value=${row.count_30d} aria-hidden="true"></meter></td>
          <td class="num">${row.count_24h}</td>
          <td class="num">
            ${row.alarms_30d ? `${Math.round((100 * row.count_30d) / row.alarms_30d)} %` : "–"}
          </td>
        </tr>`)}
      </tbody>
    </table>
  </section>`;
}
