// What a field says that holds what cannot be: the browser would say it in its own language, not in the
// page's. For every form there is, as long as the page lives.
import { number } from "./format.js";
import { t } from "./i18n.js";

const TIMES = ["date", "datetime-local", "time", "month"];

// A bound as people read it: 2026-11-29T16:00 is a time, anything else a number.
const bound = (field, text) =>
  TIMES.includes(field.type) ? text.replace("T", " ") : number(Number(text), text.split(".")[1]?.length ?? 0);

function complaintOf(field) {
  const { validity: wrong } = field;
  const isTime = TIMES.includes(field.type);
  if (wrong.badInput) return t(isTime ? "complaint.no_time" : "complaint.no_number");
  if (wrong.valueMissing) return t(field.type === "checkbox" ? "complaint.tick" : "complaint.needed");
  if (wrong.rangeOverflow)
    return t(isTime ? "complaint.latest" : "complaint.most", { bound: bound(field, field.max) });
  if (wrong.rangeUnderflow)
    return t(isTime ? "complaint.earliest" : "complaint.least", { bound: bound(field, field.min) });
  if (wrong.stepMismatch && field.type === "number") return t("complaint.whole");
  if (wrong.tooShort) return field.title || t("complaint.short", { n: field.minLength });
  if (wrong.typeMismatch) return t(field.type === "url" ? "complaint.url" : "complaint.not_possible");
  return field.title || t("complaint.not_possible");
}

function complain({ target }) {
  target.setCustomValidity("");
  if (!target.validity.valid) target.setCustomValidity(complaintOf(target));
}

// What was said holds until something is changed or the form is sent again.
function forget({ type, target }) {
  const button = type === "click" ? target.closest?.("button, input[type=submit]") : null;
  const form = type === "click" ? button?.type === "submit" && button.form : (target.form ?? null);
  for (const field of form ? form.elements : []) field.setCustomValidity?.("");
}

export function startComplaints() {
  addEventListener("invalid", complain, true); // which does not bubble
  for (const name of ["input", "change", "click"]) addEventListener(name, forget, true);
}
