import { html } from "../ui.js";
export function Page() { return html`<p class="loading">…</p>`; }
