// Where else one is signed in, and ending it there.
import { get, remove } from "./api.js";
import { dateTime } from "./format.js";
import { t } from "./i18n.js";
import { Dialog, Failure } from "./parts.js";
import { html, useEffect, useState } from "./ui.js";

const PATH = "/api/v1/session/others";

export function OtherSessions({ onClose }) {
  const [items, setItems] = useState(null);
  const [problem, setProblem] = useState(null);
  const read = () =>
    get(PATH).then((page) => {
      setItems(page.items);
      setProblem(null);
    }, setProblem);
  useEffect(() => {
    read();
  }, []);
  return html`<${Dialog} title=${t("menu.sessions")} onClose=${onClose}>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${items?.length === 0 && html`<p>${t("menu.sessions_none")}</p>`}
    <ul class="plain">
      ${items?.map((each, i) => html`<li key=${i}>
        ${t("menu.session_since", { at: dateTime(each.created_at) })}
        <small>
          ${t("menu.session_until", { at: dateTime(each.expires_at) })}
          ${each.told && ` · ${t("menu.session_told")}`}
        </small>
      </li>`)}
    </ul>
    <div class="buttons">
      ${items?.length > 0 && html`<button class="button" onClick=${() => remove(PATH).then(read, setProblem)}>
        ${t("menu.sessions_end")}
      </button>`}
      <button class="button primary" onClick=${onClose} autofocus>${t("map.close")}</button>
    </div>
  <//>`;
}
