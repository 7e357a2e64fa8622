// Messages that could not be stored as readings: raw, with the reason, and a button that decodes them again.
import { get, post, query } from "../api.js";
import { may } from "../may.js";
import { dateTime } from "../format.js";
import { Icon } from "../icons.js";
import { pick, t, word } from "../i18n.js";
import { Failure } from "../parts.js";
import { html, useEffect, useRef, useState } from "../ui.js";

const STEP = 20;
const EVERY_MS = 15_000;

export function Rejects() {
  const [page, setPage] = useState(null);
  const [asked, setAsked] = useState(new Set());
  const [problem, setProblem] = useState(null);
  const read = (cursor) =>
    get(query("/api/v1/rejects", { limit: STEP, cursor })).then(({ items, next }) => {
      setProblem(null);
      setPage((before) => ({ items: cursor ? [...before.items, ...items] : items, next }));
    }, setProblem);
  // A list that somebody has made longer stays as it is.
  const long = useRef(false);
  long.current = (page?.items.length ?? 0) > STEP;
  useEffect(() => {
    read();
    const timer = setInterval(() => {
      if (!long.current) read();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const replay = (reject) =>
    post(`/api/v1/rejects/${reject.id}/replay`).then(() => {
      setAsked(new Set([...asked, reject.id]));
      setTimeout(read, 1500);
    }, setProblem);
  return html`<section class="card">
    <h3><${Icon} name="cross" size="18" />${t("system.rejects")}</h3>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${page?.items.length === 0 && html`<p class="hint">${t("system.no_rejects")}</p>`}
    ${page?.items.length > 0 && html`
      <table class="reject-table">
        <thead>
          <tr>
            <th>${t("system.when")}</th>
            <th>${t("system.why")}</th>
            <th>${t("system.message")}</th>
            <th class="num">${may("maintain") ? t("system.act") : ""}</th>
          </tr>
        </thead>
        <tbody>
          ${page.items.map((reject) => html`<tr key=${reject.id}>
            <td>${dateTime(reject.received_at)}</td>
            <td>
              <b title=${reject.reason}>
                ${word("reject", reject.reason.split(":")[0])}
                ${reject.field && ` · ${word("field", reject.field)}`}
              </b>
              <small>${pick(reject.detail_zh, reject.detail)}</small>
            </td>
            <td>
              <code>${reject.topic}</code>
              <details>
                <summary>${t("system.payload")}</summary>
                <pre>
                  ${typeof reject.payload === "string"
                    ? reject.payload
                    : JSON.stringify(reject.payload, null, 1)}
                </pre>
              </details>
            </td>
            <td class="num">
              ${reject.replayed_at
                ? html`<small>
                    ${t("system.replayed", { at: dateTime(reject.replayed_at) })}${" "}
                    ${pick(reject.replay_result_zh, reject.replay_result)}
                  </small>`
                : asked.has(reject.id)
                  ? html`<small>${t("system.replaying")}</small>`
                  : may("maintain") && html`<button class="button small" onClick=${() => replay(reject)}>
                      ${t("system.replay_reject")}
                    </button>`}
            </td>
          </tr>`)}
        </tbody>
      </table>
      ${page.next && html`<button class="button wide" onClick=${() => read(page.next)}>
        ${t("devices.more")}
      </button>`}
    `}
  </section>`;
}
