// The first screen of an empty system: what to do next, and the way there for who may.
import { t } from "../i18n.js";
import { may } from "../may.js";
import { html } from "../ui.js";

export function FirstSteps() {
  return html`<section class="first-steps">
    <img src="/static/icons/tower.svg" alt="" width="64" height="64" />
    <h2>${t("empty.title")}</h2>
    <p>${t("empty.line")}</p>
    <ol>
      ${[1, 2, 3].map((n) => html`<li key=${n}>
        <h3>${t(`empty.${n}`)}</h3>
        <p>${t(`empty.${n}_line`)}</p>
      </li>`)}
    </ol>
    ${may("maintain")
      ? html`<a class="button primary" href="#/admin/start">${t("empty.go")}</a>`
      : html`<p>${t("empty.who")}</p>`}
    <p class="hint">${t("empty.unknown")} <a href="/docs">${t("empty.docs")}</a></p>
  </section>`;
}
