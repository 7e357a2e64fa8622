// A part of the page that is fetched when it is first shown. One that does not come is said with a way on,
// and asked for again by itself whenever the page was connected anew.
import { t } from "./i18n.js";
import { askRelease } from "./release.js";
import { live } from "./store.js";
import { html, useLayoutEffect, useState } from "./ui.js";

const LOADED = {};

export const put = (name, module) => {
  LOADED[name] = module;
};

// What `load` answers with, kept by `name`; what is drawn instead until it is there.
export function useLater(name, load) {
  const [, draw] = useState(0);
  const [failed, setFailed] = useState(false);
  useLayoutEffect(() => {
    let gone = false;
    const ask = () => {
      if (LOADED[name]) return;
      load().then(
        (module) => {
          LOADED[name] = module;
          if (!gone) draw((n) => n + 1);
        },
        () => {
          askRelease();
          if (!gone) setFailed(true);
        },
      );
    };
    setFailed(false);
    ask();
    let { round } = live.get();
    const deaf = live.subscribe((state) => {
      if (state.round === round) return;
      round = state.round;
      ask();
    });
    return () => {
      gone = true;
      deaf();
    };
  }, [name]);
  const instead = failed
    ? html`<div class="empty" role="alert">
        <p>${t("page.not_loaded")}</p>
        <button class="button" onClick=${() => location.reload()}>${t("banner.reload")}</button>
      </div>`
    : html`<p class="loading">…</p>`;
  return [LOADED[name], instead];
}
