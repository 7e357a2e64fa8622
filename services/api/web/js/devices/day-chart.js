// The last 24 hours of a device's main field.
import { get, query } from "../api.js";
import { serverNow } from "../clock.js";
import { unit } from "../format.js";
import { t, word } from "../i18n.js";
import { Empty, Failure } from "../parts.js";
import { html, useEffect, useMemo, useState } from "../ui.js";
import { Chart } from "./chart.js";
import { limitLines, mainField } from "./fields.js";

export function DayChart({ device }) {
  const field = mainField(device);
  const [rows, setRows] = useState(null);
  const [problem, setProblem] = useState(null);
  const lines = useMemo(() => limitLines(device, field), [device.code, field]);
  useEffect(() => {
    const to = serverNow();
    get(query(`/api/v1/devices/${encodeURIComponent(device.code)}/readings`, { from: new Date(to - 86_400_000).toISOString(), to: new Date(to).toISOString(), bucket: 300, limit: 1000 }))
      .then((page) => setRows(page.items), setProblem);
  }, [device.code]);
  if (problem) return html`<${Failure} problem=${problem} />`;
  if (!rows) return html`<p class="loading">…</p>`;
  if (!rows.some((row) => row[field] !== undefined && row[field] !== null)) return html`<${Empty} title=${t("devices.no_data")} />`;
  return html`<p class="chart-name">${word("field", field)} <small>${unit(field)}</small></p><${Chart} rows=${rows} field=${field} lines=${lines} height=${190} />`;
}
