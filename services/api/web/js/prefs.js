// What this browser remembers: language, theme, sound, whose push it is, the order of the queue and the app
// that shows the way to water. Nothing secret.
import { createStore } from "./store.js";

const KEY = "firetower";

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

const asked = new URLSearchParams(location.search);
const stored = read();
const ours = (language) => (["zh", "en"].includes(language) ? language : null);
const ourTheme = (theme) => (["auto", "light", "dark"].includes(theme) ? theme : null);
export const askedTheme = ourTheme(asked.get("theme"));
export const askedLanguage = ours(asked.get("lang"));

export const prefs = createStore({
  language: askedLanguage ?? ours(stored.language) ?? "zh",
  // What was chosen in this browser, and by whom ("": on the sign-in page, or in an earlier release)
  chosen: ours(stored.language) && { language: stored.language, by: stored.chosen?.by ?? "" },
  theme: askedTheme ?? ourTheme(stored.theme) ?? "auto",
  sound: stored.sound ?? true,
  order: stored.order === "newest" ? "newest" : "oldest",
  maps: stored.maps ?? null, // maps.js knows which there are
  push: stored.push ?? null, // who turned on notices of fires to this browser while no page is open
});

// Sound, and whose push it is, are of all pages of this browser; language and theme may be one page's alone,
// by its address.
addEventListener("storage", ({ key }) => {
  if (key !== KEY) return;
  const { sound, push } = read();
  prefs.set({ sound: sound ?? true, push: push ?? null });
});

export function remember(patch) {
  prefs.set(patch);
  try {
    // Not what the address asks for: that is this page's alone. A wall beside it is dark, the desk is not.
    localStorage.setItem(KEY, JSON.stringify({ ...read(), ...patch }));
  } catch {
    /* private window: kept for this page only */
  }
  applyPrefs();
}

export function darkNow() {
  const { theme } = prefs.get();
  return theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
}

export function applyPrefs() {
  document.documentElement.dataset.theme = darkNow() ? "dark" : "light";
  document.documentElement.lang = prefs.get().language === "zh" ? "zh-CN" : "en";
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  applyPrefs();
  prefs.set({});
});
applyPrefs();
