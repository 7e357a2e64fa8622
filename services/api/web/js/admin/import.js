// A ledger of devices: looked at first, line by line, then taken over as a whole or not at all.
import { newKey, query, send } from "../api.js";
import { language, t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Failure } from "../parts.js";
import { fieldName } from "../problems.js";
import { html, useRef, useState } from "../ui.js";
import { DATUMS, KINDS } from "../words/lists.js";
import { Choice, wordsOf } from "./inputs.js";

const PATH = "/api/v1/devices/import";
const LIMIT_MS = 120_000;
const SHOWN = 100;
const SAMPLE = [
  "code,kind,area,name,form,lon,lat",
  "XHS-0001,hydrant,140931100,府前街 12 号,aboveground,111.0911,39.0202",
].join("\n");

const typeOf = (name) => (/\.(geo)?json$/i.test(name) ? "application/geo+json" : "text/csv");
const said = (one) => (language() === "zh" ? (one.message_zh ?? one.message) : one.message);

// The bytes are kept: what is taken over is what was looked at, whatever became of the file meanwhile.
function useLedger() {
  const chosen = useRef(null);
  const [state, setState] = useState({});
  const ask = async (values, body = chosen.current) => {
    setState((before) => ({ ...before, busy: true, problem: null }));
    try {
      const path = query(PATH, { ...values, datum: body.datum });
      const result = await send(path, body.bytes, typeOf(body.name), { key: body.key, limit_ms: LIMIT_MS });
      setState({ result, done: !values.dry_run });
    } catch (problem) {
      setState((before) => ({ result: before.result, problem }));
    }
  };
  const look = async (file, datum) => {
    setState({ busy: true });
    const bytes = await file.arrayBuffer().catch(() => null); // changed or moved since it was chosen
    if (!bytes) {
      setState({ problem: { text: t("admin.file_gone") } });
      return;
    }
    chosen.current = { bytes, name: file.name, datum, key: undefined };
    await ask({ dry_run: true });
  };
  const take = (accept_warnings) => {
    chosen.current.key ??= newKey(); // pressed again after no answer came, it is the same import
    return ask({ accept_warnings });
  };
  return { ...state, look, take, forget: () => setState({}) };
}

function Lines({ title, kind, lines }) {
  if (!lines.length) return null;
  return html`<section class=${`import-${kind}`}>
    <h3>${title}</h3>
    <div class="scroll"><table>
      <thead>
        <tr>
          <th class="num">${t("admin.line")}</th>
          <th>${t("admin.field")}</th>
          <th>${t("admin.what")}</th>
        </tr>
      </thead>
      <tbody>
        ${lines.slice(0, SHOWN).map((one, n) => html`<tr key=${n}>
          <td class="num">${one.line}</td>
          <td>${fieldName(one.field)}</td>
          <td>${said(one)}</td>
        </tr>`)}
      </tbody>
    </table></div>
    ${lines.length > SHOWN && html`<p class="hint">${t("admin.more_lines", { n: lines.length - SHOWN })}</p>`}
  </section>`;
}

function Changes({ changes }) {
  if (!changes.length) return null;
  return html`<details>
    <summary>${t("admin.changes", { n: changes.length })}</summary>
    <ul class="plain">
      ${changes.slice(0, SHOWN).map((one) => html`<li key=${one.line}>
        <b>${one.code}</b> ${t(`admin.import_${one.action}`)}
        <small>${Object.keys(one.fields).map(fieldName).join(t("admin.comma"))}</small>
      </li>`)}
    </ul>
  </details>`;
}

function Outcome({ result, done, busy, take }) {
  const [seen, setSeen] = useState(false);
  const { errors, warnings, created, updated, unchanged, failed } = result;
  const counts = t("admin.import_counts", { created, updated, unchanged, errors: errors.length });
  const nothing = created + updated === 0;
  return html`<div class="import-outcome" role="status">
    <p><b>${done ? t("admin.imported") : t("admin.preview")}</b> ${counts}</p>
    ${failed > 0 && html`<p class="failure">${t("admin.import_failed", { n: failed })}</p>`}
    <${Lines} kind="errors" title=${t("admin.import_errors")} lines=${errors} />
    ${!done && html`<${Lines} kind="warnings" title=${t("admin.import_warnings")} lines=${warnings} />`}
    <${Changes} changes=${result.changes} />
    ${done && html`<p><a href="#/admin/devices">${t("admin.tab.devices")}</a></p>`}
    ${!done && errors.length > 0 && html`<p class="note">${t("admin.mend_first")}</p>`}
    ${!done && errors.length === 0 && warnings.length > 0 && html`<label class="check">
      <input type="checkbox" checked=${seen} onChange=${() => setSeen(!seen)} />
      <span>${t("admin.warnings_seen")}</span>
    </label>`}
    ${!done && errors.length === 0 && html`<div class="buttons">
      <button
        class="button primary"
        disabled=${busy || nothing || (warnings.length > 0 && !seen)}
        onClick=${() => take(seen)}
      >
        ${nothing ? t("admin.import_nothing") : t("admin.import_go", { n: created + updated })}
      </button>
    </div>`}
  </div>`;
}

export function Import() {
  const { result, problem, busy, done, look, take, forget } = useLedger();
  const kinds = KINDS.map((kind) => `${kind} ${word("kind", kind)}`).join(t("admin.comma"));
  const submit = (event) => {
    event.preventDefault();
    const { file, datum } = event.target.elements;
    if (!busy) look(file.files[0], datum.value);
  };
  return html`<section class="card">
    <h2><${Icon} name="list" size="18" />${t("admin.tab.import")}</h2>
    <p>${t("admin.import_line")}</p>
    <form class="columns import-form" onSubmit=${submit}>
      <label>
        ${t("admin.file")}
        <input type="file" name="file" accept=".csv,.json,.geojson,text/csv" required onChange=${forget} />
      </label>
      <${Choice}
        label=${t("input.datum")}
        name="datum"
        options=${[["", t("admin.choose")], ...wordsOf("datum", DATUMS)]}
        required
        onChange=${forget}
      />
      <button type="submit" class="button" disabled=${busy}>${t("admin.look")}</button>
    </form>
    <details>
      <summary>${t("admin.sample")}</summary>
      <pre tabindex="0">${SAMPLE}</pre>
      <p class="hint">
        ${t("admin.sample_line", { kinds })}
      </p>
    </details>
    ${busy && html`<p class="loading" role="status">…</p>`}
    ${problem && html`<${Failure} problem=${problem} />`}
    ${result && !busy && html`<${Outcome} result=${result} done=${done} busy=${busy} take=${take} />`}
  </section>`;
}
