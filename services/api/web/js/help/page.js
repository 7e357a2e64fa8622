// The help: how it is used, on one page, in the words of the pages themselves. It asks the server for
// nothing, so it is there without a network.
import { Keys } from "../desk/keys.js";
import { Icon } from "../icons.js";
import { learn, t } from "../i18n.js";
import { Shapes } from "../map/legend.js";
import { html } from "../ui.js";
import { admin as enAdmin } from "../words/en-admin.js";
import { help as en } from "../words/en-help.js";
import { admin as zhAdmin } from "../words/zh-admin.js";
import { help as zh } from "../words/zh-help.js";

learn({ zh: { ...zhAdmin, ...zh }, en: { ...enAdmin, ...en } });

// Each with its paragraphs, and what is drawn below them.
const SECTIONS = [
  ["first", "play"],
  ["fire", "fire"],
  ["keys", "list", Keys],
  ["shapes", "map", () => html`<div class="help-shapes"><${Shapes} /></div>`],
  ["phone", "phone"],
  ["handover", "note"],
  ["exports", "print"],
  ["more", "door"],
];
const NAME = /\[\[([\w.]+)(?:\|([\w/]+))?\]\]/;

// "press [[desk.real]]": a name of the pages in bold, or a link where a path stands beside it.
function Text({ text }) {
  const parts = text.split(NAME); // text, key, path, text, key, path, text
  return parts.map((part, i) => {
    if (i % 3 === 0) return part;
    if (i % 3 === 2) return null;
    const path = parts[i + 1];
    if (!path) return html`<b>${t(part)}</b>`;
    return html`<a href=${path.startsWith("/") ? path : `#/${path}`}>${t(part)}</a>`;
  });
}

function paragraphs(name) {
  const found = [];
  for (let n = 1; `help.${name}.${n}` in zh; n += 1) found.push(`help.${name}.${n}`);
  return found;
}

const anchorOf = (name) => `help-${name}`;
const jump = (name) => () => document.getElementById(anchorOf(name)).scrollIntoView();

export function Page() {
  return html`<article class="manual">
    <p class="help-intro">${t("help.intro")}</p>
    <nav class="filters" aria-label=${t("nav.help")}>
      ${SECTIONS.map(([name]) => html`<button key=${name} onClick=${jump(name)}>
        ${t(`help.${name}`)}
      </button>`)}
    </nav>
    ${SECTIONS.map(([name, icon, Below]) => html`<section class="card" key=${name} id=${anchorOf(name)}>
      <h2><${Icon} name=${icon} size="18" />${t(`help.${name}`)}</h2>
      <ol>${paragraphs(name).map((key) => html`<li key=${key}><${Text} text=${t(key)} /></li>`)}</ol>
      ${Below && html`<${Below} />`}
    </section>`)}
  </article>`;
}
