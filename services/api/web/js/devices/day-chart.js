// The last 24 hours of a device's main field.
import { get, query } from "../api.js";
import { serverNow } from "../clock.js";
import { unit } from "../format.js";
import { t, word } from "../i18n.js";
import { Empty, Failure } from "../parts.js";
import { html, useEffect, useMemo, useState } from "../ui.js";
import { Chart } from "./chart.js";
import { limitLines, mainField } from "./fields.js";

const DAY_MS = 86_400_000;
const AGAIN_MS = 60_000;

export function DayChart({ device }) {
  const field = mainField(device);
  const [answer, setAnswer] = useState(null);
  const [problem, setProblem] = useState(null);
  const lines = useMemo(() => limitLines(device, field), [device.code, field]);
  useEffect(() => {
    const read = () => {
      const to = serverNow();
      const from = to - DAY_MS;
      get(
        query(`/api/v1/devices/${encodeURIComponent(device.code)}/readings`, {
          from: new Date(from).toISOString(),
          to: new Date(to).toISOString(),
          bucket: 300,
          limit: 1000,
        }),
      ).then((page) => {
        setProblem(null);
        setAnswer({ rows: page.items, from, to });
      }, setProblem);
    };
    read();
    const timer = setInterval(read, AGAIN_MS);
    return () => clearInterval(timer);
  }, [device.code]);
  if (problem && !answer) return html`<${Failure} problem=${problem} />`;
  if (!answer) return html`<p class="loading">…</p>`;
  const { rows, from, to } = answer;
  if (!rows.some((row) => row[field] !== undefined && row[field] !== null))
    return html`<${Empty} title=${t("devices.no_data")} />`;
  return html`
    <p class="chart-name">${word("field", field)} <small>${unit(field)}</small></p>
    <${Chart} rows=${rows} field=${field} lines=${lines} height=${190} from=${from} to=${to} />
  `;
}
