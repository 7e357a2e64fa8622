// The history of a device's fields over any range: raw values for short ranges, min-max buckets for long
// ones, the rules' limits and the device's alarms drawn in, as CSV.
import { get, getAll, query } from "../api.js";
import { serverNow } from "../clock.js";
import { download } from "../download.js";
import { unit } from "../format.js";
import { Icon } from "../icons.js";
import { t, word } from "../i18n.js";
import { alarmName, Empty, Failure } from "../parts.js";
import { html, useEffect, useMemo, useState } from "../ui.js";
import { inputTime, inputTimeOf } from "../zone.js";
import { Chart } from "./chart.js";
import { Compare, readingsOf, useOthers } from "./compare.js";
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

const wantedOf = (from, to, raw) => ({
  from: new Date(from).toISOString(),
  to: new Date(to).toISOString(),
  bucket: raw ? undefined : bucketFor((to - from) / 1000),
});

function useRows(code, from, to, raw) {
  const [answer, setAnswer] = useState({ rows: null });
  useEffect(() => {
    let gone = false;
    setAnswer((before) => ({ ...before, busy: true }));
    getAll(
      readingsOf(code),
      wantedOf(from, to, raw),
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

const MOST_ALARMS = 50;
const NOTHING = [];

// The alarms of the device that stood in a range, as the chart marks them.
function useMarks(code, from, to) {
  const [alarms, setAlarms] = useState(NOTHING);
  useEffect(() => {
    get(query("/api/v1/alarms", { device: code, to: new Date(to).toISOString(), limit: MOST_ALARMS })).then(
      ({ items }) => setAlarms(items),
      () => setAlarms(NOTHING), // the curve is there without them
    );
  }, [code, to]);
  return useMemo(
    () =>
      alarms
        .map((alarm) => ({
          from: Date.parse(alarm.opened_at),
          to: Date.parse(alarm.cleared_at ?? alarm.closed_at) || to,
          severity: alarm.severity,
          name: alarmName(alarm),
        }))
        .filter((mark) => mark.to > from),
    [alarms, from, to],
  );
}

export function History({ device }) {
  const fields = (CHARTS[device.kind] ?? []).filter((field) => device.state?.[field] !== undefined);
  const [field, setField] = useState(mainField(device));
  const [range, setRange] = useState("24h");
  const [second, setSecond] = useState("");
  const [raw, setRaw] = useState(false);
  const [others, setOthers] = useState(NOTHING);
  const [unsaved, setUnsaved] = useState(null);
  const [limited, setLimited] = useState(true);
  const [span, setSpan] = useState(() => ({ from: serverNow() - 24 * HOUR_S * 1000, to: serverNow() }));
  const choose = (name) => {
    setRange(name);
    setSpan({ from: serverNow() - RANGES[name] * 1000, to: serverNow() });
  };
  const bound = (name) => (event) => {
    const at = inputTimeOf(event.target.value);
    if (at === null) return;
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
  const wanted = wantedOf(span.from, span.to, raw);
  const { read, problem: unread } = useOthers(others, wanted, MOST_RAW);
  const marks = useMarks(device.code, span.from, span.to);
  const zoom = (from, to) => {
    setRange("");
    setSpan({ from, to });
  };
  const save = async () => {
    setUnsaved(null);
    try {
      for (const { code } of [device, ...others]) await download(readingsOf(code), wanted, `${code}.csv`);
    } catch (refused) {
      setUnsaved(refused);
    }
  };
  const limits = useMemo(() => limitLines(device, field), [JSON.stringify(device.rule_limits), field]);
  const lines = useMemo(() => (limited ? limits : []), [limits, limited]);
  const all = [rows ?? NOTHING, ...read.map((other) => other.rows)].flat();
  const has = all.some((row) => row[field] !== undefined && row[field] !== null);
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
      ${fields.length > 1 && !others.length && html`<select
        aria-label=${t("devices.more_fields")}
        value=${second}
        onChange=${(event) => setSecond(event.target.value)}
      >
        <option value="">${t("devices.more_fields")}</option>
        ${fields
          .filter((name) => name !== field)
          .map((name) => html`<option key=${name} value=${name}>
            ${word("field", name)} ${unit(name)}
          </option>`)}
      </select>`}
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
        <input type="datetime-local" value=${inputTime(span.from)} onChange=${bound("from")} />
      </label>
      <label class="inline">
        ${t("devices.to")} <input type="datetime-local" value=${inputTime(span.to)} onChange=${bound("to")} />
      </label>
      ${limits.length > 0 && html`<label class="check">
        <input type="checkbox" checked=${limited} onChange=${() => setLimited(!limited)} />
        ${t("devices.limits")}
      </label>`}
      <button class="button small" aria-pressed=${raw} onClick=${() => setRaw(!raw)}>
        ${t(raw ? "devices.raw" : "devices.buckets")}
      </button>
      <button class="button small" onClick=${save}>${t("devices.save_csv")}</button>
    </div>
    <${Compare} device=${device} others=${others} setOthers=${setOthers} problem=${unread} />
    ${unsaved && html`<${Failure} problem=${unsaved} />`}
    ${problem && html`<${Failure} problem=${problem} />`}
    ${cut && html`<p class="hint" role="status">${t("devices.cut", { n: MOST_RAW })}</p>`}
    ${rows === null
      ? html`<p class="loading">…</p>`
      : has
        ? html`
            <div onDblClick=${() => choose(range || "24h")}>
              <${Chart}
                rows=${rows}
                field=${field}
                second=${second === field || others.length ? "" : second}
                name=${device.name || device.code}
                others=${read}
                lines=${lines}
                marks=${marks}
                height=${300}
                from=${span.from}
                to=${span.to}
                onZoom=${zoom}
              />
            </div>
            <p class="hint">${t("devices.zoom_hint")}</p>
          `
        : !problem && html`<${Empty} title=${t("devices.no_data")} />`}
  </section>`;
}
