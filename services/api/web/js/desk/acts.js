// What an officer does to an alarm, as calls. The answer is the whole alarm and goes straight into the store.
import { post } from "../api.js";
import { putAlarms } from "../store.js";

async function act(alarm, name, body, version, key) {
  const changed = await post(`/api/v1/alarms/${alarm.id}/${name}`, body, version, key);
  if (changed?.id === alarm.id) putAlarms([changed]);
  return changed;
}

// `key` is the same at every try: an answer that was lost on its way does not make two acts of one.
export const acknowledge = (alarm, key) => act(alarm, "acknowledge", {}, undefined, key);
// Real needs no look at the version: a person who says fire is never refused.
// False and test must have seen the newest.
export const verify = (alarm, outcome, note) =>
  act(alarm, "verify", { outcome, note }, outcome === "real" ? undefined : alarm.version);
export const correct = (alarm, outcome, reason) =>
  act(alarm, "correct", { outcome, reason }, alarm.version);
export const shelve = (alarm, until, reason) => act(alarm, "shelve", { until, reason }, alarm.version);
export const unshelve = (alarm) => act(alarm, "unshelve", {});
export const clear = (alarm) => act(alarm, "clear", {});
export const addNote = (alarm, text) => act(alarm, "notes", { text });
export const openTestWindow = (site_id, until, reason) =>
  post(`/api/v1/sites/${site_id}/test-window`, { until, reason });
