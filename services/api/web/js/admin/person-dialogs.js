// The questions about a person: new, changed, another password.
import { useGo } from "../desk/dialogs.js";
import { t } from "../i18n.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { html, useState } from "../ui.js";
import { AreaChecks, areasOf, Choice, Input, RoleChoice } from "./inputs.js";

// Read over the telephone: without signs that look alike.
const SIGNS = "abcdefghjkmnpqrstuvwxyz23456789";
const LENGTH = 14;
const LEAST = 8;

function newPassword() {
  const numbers = crypto.getRandomValues(new Uint32Array(LENGTH));
  return [...numbers].map((number) => SIGNS[number % SIGNS.length]).join("");
}

function Password() {
  const [made] = useState(newPassword);
  return html`<${Input}
    label=${t("input.password")}
    hint=${t("admin.password_hint", { n: LEAST })}
    name="password"
    required
    minlength=${LEAST}
    maxlength="200"
    spellcheck=${false}
    defaultValue=${made}
  />`;
}

export function PersonDialog({ person, own, onGo, onClose }) {
  const send = (answer) => {
    const areas = areasOf(answer);
    const body = { name: answer.name, language: answer.language, areas };
    if (answer.role) body.role = answer.role;
    if (!person) Object.assign(body, { username: answer.username.toLowerCase(), password: answer.password });
    return onGo(body);
  };
  const { submit, problem, busy } = useGo(send, onClose);
  const title = person ? t("admin.edit_person", { name: person.username }) : t("admin.new_person");
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      ${!person && html`<${Input}
        label=${t("input.username")}
        hint=${t("admin.username_hint")}
        name="username"
        required
        autofocus
        maxlength="64"
        pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*"
        autocapitalize="none"
        spellcheck=${false}
      />`}
      <${Input}
        label=${t("input.person_name")}
        name="name"
        maxlength="200"
        defaultValue=${person?.name ?? ""}
      />
      ${own
        ? html`<p class="hint">${t("admin.own_role")}</p>`
        : html`<${RoleChoice} chosen=${person?.role ?? "duty_officer"} />`}
      <${AreaChecks} chosen=${person?.areas} />
      <${Choice}
        label=${t("input.language")}
        name="language"
        options=${[
          ["zh", "中文"],
          ["en", "English"],
        ]}
        chosen=${person?.language ?? "zh"}
      />
      ${!person && html`<${Password} />`}
      ${person && html`<p class="hint">${t("admin.ends_sessions")}</p>`}
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t(person ? "admin.save" : "admin.create")} />
    </form>
  <//>`;
}

export function NewPassword({ person, onGo, onClose }) {
  const { submit, problem, busy } = useGo(({ password }) => onGo(password), onClose);
  const title = t("admin.password_title", { name: person.username });
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t("admin.password_line")}</p>
      <${Password} />
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("admin.reset_password")} />
    </form>
  <//>`;
}
