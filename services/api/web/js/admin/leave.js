// A form of a page (not of a dialog) that was changed and not saved: leaving it asks first, by a link of this
// page and when the browser closes or reloads. A fire is never held up: links to an alarm go through.
import { t } from "../i18n.js";
import { Dialog } from "../parts.js";
import { html, useEffect, useRef, useState } from "../ui.js";

const URGENT = /^#\/desk\/\d+/;

function Ask({ onStay, onLeave }) {
  return html`<${Dialog} title=${t("admin.leave_title")} onClose=${onStay}>
    <p>${t("admin.leave_line")}</p>
    <div class="buttons">
      <button class="button" onClick=${onLeave}>${t("admin.leave")}</button>
      <button class="button primary" autofocus onClick=${onStay}>${t("admin.stay")}</button>
    </div>
  <//>`;
}

// Stands inside the form. `saved`: changes when it was saved, as the version does.
export function Leaving({ saved }) {
  const mark = useRef();
  const changed = useRef(false);
  const [to, setTo] = useState(null);
  useEffect(() => {
    changed.current = false;
  }, [saved]);
  useEffect(() => {
    const form = mark.current.closest("form");
    const change = () => {
      changed.current = true;
    };
    const press = (event) => {
      const link = event.target.closest?.('a[href^="#"]');
      const goes = link && link.hash !== location.hash && !URGENT.test(link.hash) && !link.target;
      if (!changed.current || !goes || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      setTo(link.hash);
    };
    const unload = (event) => {
      if (changed.current) event.preventDefault();
    };
    form.addEventListener("input", change);
    document.addEventListener("click", press, true);
    addEventListener("beforeunload", unload);
    return () => {
      form.removeEventListener("input", change);
      document.removeEventListener("click", press, true);
      removeEventListener("beforeunload", unload);
    };
  }, []);
  const leave = () => {
    changed.current = false;
    location.hash = to;
  };
  return html`<span ref=${mark} hidden></span>
    ${to && html`<${Ask} onStay=${() => setTo(null)} onLeave=${leave} />`}`;
}
