// What this browser remembers: language, theme, sound, whose push it is. Nothing secret.
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

export const prefs = createStore({
  language: ours(asked.get("lang")) ?? ours(stored.language) ?? "zh",
  theme: asked.get("theme") ?? stored.theme ?? "auto", // auto, light, dark
  sound: stored.sound ?? true,
  push: stored.push ?? null, // who turned on notices of fires to this browser while no page is open
});

export function remember(patch) {
  prefs.set(patch);
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs.get()));
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
