// The sign-in page: the only thing a stranger sees.
import { get, post } from "./api.js";
import { dateTime } from "./format.js";
import { Icon } from "./icons.js";
import { t } from "./i18n.js";
import { prefs } from "./prefs.js";
import { problemText } from "./problems.js";
import { chime } from "./sound.js";
import { speakTheOther } from "./spoken.js";
import { live, useStore } from "./store.js";
import { html, useEffect, useState } from "./ui.js";

// A page of ours that led here because nobody was signed in; no other address is followed.
const PAGES = ["/docs"];
const next = new URLSearchParams(location.search).get("next");
const asked = PAGES.includes(next) ? next : null;
const WRONG = [401, 403, 422];

export function Login() {
  const { language } = useStore(prefs, (p) => p);
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  const endedAt = useStore(live, (state) => state.endedAt);
  useEffect(() => {
    if (!endedAt) return;
    document.title = `${t("app.title_ended")} · ${t("app.name")}`;
    chime();
  }, [endedAt, language]);
  async function signIn(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    setBusy(true);
    setWhy("");
    let wrong = "login.wrong";
    try {
      await post("/api/v1/session", { username: form.get("username"), password: form.get("password") });
      wrong = "login.not_kept"; // a cookie that this browser refuses, or that is for HTTPS only
      const session = await get("/api/v1/session");
      if (asked) location.replace(asked);
      else live.set({ session, endedAt: 0 });
    } catch (problem) {
      setWhy(WRONG.includes(problem.status) ? t(wrong) : problemText(problem));
      setBusy(false);
    }
  }
  return html`<main class="login">
    <form onSubmit=${signIn} aria-labelledby="login-name">
      <img src="/static/icons/tower.svg" alt="" width="56" height="56" />
      <h1 id="login-name">${t("app.name")}</h1>
      <p class="line">${t("app.line")}</p>
      ${endedAt > 0 && html`<p class="failure" role="alert">
        ${t("login.ended", { at: dateTime(endedAt) })}
      </p>`}
      <label>${t("login.user")}<input name="username" autocomplete="username" required autofocus /></label>
      <label>
        ${t("login.password")}
        <input name="password" type="password" autocomplete="current-password" required />
      </label>
      ${why && html`<p class="failure" role="alert">${why}</p>`}
      <button class="button primary wide" disabled=${busy}>${busy ? t("login.busy") : t("login.go")}</button>
      <p class="hint">${t("login.hint")}</p>
      <button type="button" class="link" onClick=${speakTheOther}>
        <${Icon} name="language" size="16" /> ${t("bar.language")}
      </button>
    </form>
  </main>`;
}
