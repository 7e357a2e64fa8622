// The history of one field over any range: raw values for short ranges,
// min-max buckets for long ones, the rule's limits drawn in.
import { getAll } from "../api.js";
import { serverNow } from "../clock.js";
import { unit } from "../format.js";
import { Icon } from "../icons.js";
import { t, word } from "../i18n.js";
import { Empty, Failure } from "../parts.js";
import { html, useEffect, useMemo, useState } from "../ui.js";
import { Chart } from "./chart.js";
import { CHARTS, limitLines, mainField } from "./fields.js";

const HOUR_S = 3600;
const RANGES = {
  "6h": 6 * HOUR_S,
  "24h": 24 * HOUR_S,
  "7d": 168 * HOUR_S,
  "30d": 720 * HOUR_S,
  "1y": 8760 * HOUR_S,
};
const MOST_POINTS = 500;
const MOST_RAW = 5000;
const AGAIN_MS = 30_000; // a range that ends now goes on with the time
const STEPS_S = [60, 300, 900, 1800, 3600, 7200, 21_600, 86_400];

const bucketFor = (seconds) => STEPS_S.find((step) => seconds / step <= MOST_POINTS) ?? STEPS_S.at(-1);

const local = (ms) => {
  const at = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return at.toISOString().slice(0, 16);
};

function useRows(code, from, to, raw) {
  const [answer, setAnswer] = useState({ rows: null });
  useEffect(() => {
    let gone = false;
    setAnswer((before) => ({ ...before, busy: true }));
    const bucket = raw ? undefined : bucketFor((to - from) / 1000);
    getAll(
      `/api/v1/devices/${encodeURIComponent(code)}/readings`,
      { from: new Date(from).toISOString(), to: new Date(to).toISOString(), bucket },
      MOST_RAW,
    ).then(
      (rows) => {
        if (!gone) setAnswer({ rows, cut: rows.length >= MOST_RAW });
      },
      (problem) => {
        if (!gone) setAnswer((before) => ({ rows: before.rows ?? [], problem }));
      },
    );
    return () => {
      gone = true;
    };
  }, [code, from, to, raw]);
  return answer;
}

export function History({ device }) {
  const fields = (CHARTS[device.kind] ?? []).filter((field) => device.state?.[field] !== undefined);
  const [field, setField] = useState(mainField(device));
  const [range, setRange] = useState("24h");
  const [raw, setRaw] = useState(false);
  const [limited, setLimited] = useState(true);
  const [span, setSpan] = useState(() => ({ from: serverNow() - 24 * HOUR_S * 1000, to: serverNow() }));
  const choose = (name) => {
    setRange(name);
    setSpan({ from: serverNow() - RANGES[name] * 1000, to: serverNow() });
  };
  const bound = (name) => (event) => {
    const at = Date.parse(event.target.value);
    if (Number.isNaN(at)) return;
    const next = { ...span, [name]: at };
    if (next.from < next.to) {
      setRange("");
      setSpan(next);
    }
  };
  useEffect(() => {
    if (!range) return undefined;
    const timer = setInterval(() => choose(range), AGAIN_MS);
    return () => clearInterval(timer);
  }, [range]);
  const { rows, problem, busy, cut } = useRows(device.code, span.from, span.to, raw);
  const limits = useMemo(() => limitLines(device, field), [JSON.stringify(device.rule_limits), field]);
  const lines = useMemo(() => (limited ? limits : []), [limits, limited]);
  const has = rows?.some((row) => row[field] !== undefined && row[field] !== null);
  return html`<section class="card history" aria-busy=${!!busy}>
    <h3><${Icon} name="system" size="18" />${t("devices.chart")}</h3>
    <div class="history-tools">
      <select
        aria-label=${t("devices.field")}
        value=${field}
        onChange=${(event) => setField(event.target.value)}
      >
        ${(fields.length ? fields : [field]).map((name) => html`<option key=${name} value=${name}>
          ${word("field", name)} ${unit(name)}
        </option>`)}
      </select>
      <div class="filters" role="group" aria-label=${t("devices.range")}>
        ${Object.keys(RANGES).map((name) => html`<button
          key=${name}
          aria-pressed=${range === name}
          onClick=${() => choose(name)}
        >
          ${t(`range.${name}`)}
        </button>`)}
      </div>
      <label class="inline">
        ${t("devices.from")}${" "}
        <input type="datetime-local" value=${local(span.from)} onChange=${bound("from")} />
      </label>
      <label class="inline">
        ${t("devices.to")} <input type="datetime-local" value=${local(span.to)} onChange=${bound("to")} />
      </label>
      ${limits.length > 0 && html`<label class="check">
        <input type="checkbox" checked=${limited} onChange=${() => setLimited(!limited)} />
        ${t("devices.limits")}
      </label>`}
      <button class="button small" aria-pressed=${raw} onClick=${() => setRaw(!raw)}>
        ${t(raw ? "devices.raw" : "devices.buckets")}
      </button>
    </div>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${cut && html`<p class="hint" role="status">${t("devices.cut", { n: MOST_RAW })}</p>`}
    ${rows === null
      ? html`<p class="loading">…</p>`
      : has
        ? html`<${Chart}
            rows=${rows}
            field=${field}
            lines=${lines}
            height=${300}
            from=${span.from}
            to=${span.to}
          />`
        : !problem && html`<${Empty} title=${t("devices.no_data")} />`}
  </section>`;
}
