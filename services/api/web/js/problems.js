// A refusal as people read it, in the page's language. Its code has words; what is peculiar to this one
// stands behind.
import { language, t } from "./i18n.js";

// Of these the words alone say nothing of what to mend.
const NEEDS_DETAIL = [
  "invalid",
  "unreadable",
  "bad_lines",
  "bad_features",
  "too_many",
  "warnings_not_accepted",
];
// Their own sentence says what stands and what to do.
const SAYS_ITSELF = ["not_allowed", "conflict", "in_use"];
// What to do about these is a matter of the page, not of the API.
const SAID_HERE = ["version_conflict", "if_match_required"];
// The server, or the way to it, is away for a moment: the same request may be sent again.
const PASSING = [0, 429, 502, 503, 504];

export const isPassing = (problem) => PASSING.includes(problem.status);

// A field by its own label, where the page has one.
export function fieldName(field) {
  const key = `input.${field.replace(/\.\d+\b/g, "")}`;
  const label = t(key);
  return label === key ? field : label;
}

export const messageText = ({ message, message_zh }) =>
  language() === "zh" ? (message_zh ?? message) : message;

const fieldText = (error) => `${fieldName(error.field)}: ${messageText(error)}`;

export function problemText(problem) {
  if (problem.text) return problem.text; // said by the page itself
  const chinese = language() === "zh";
  const fields = problem.errors?.length && problem.code === "invalid";
  if (fields && !(chinese && problem.errors.some((one) => !one.message_zh)))
    return problem.errors.slice(0, 3).map(fieldText).join(chinese ? "；" : "; ");
  if (SAID_HERE.includes(problem.code)) return t(`problem.${problem.code}`);
  const own = chinese ? problem.detail_zh : SAYS_ITSELF.includes(problem.code) && problem.detail;
  if (own) return own;
  const key = `problem.${problem.code}`;
  const words = t(key);
  if (words === key) return problem.detail || problem.message || String(problem.status);
  return NEEDS_DETAIL.includes(problem.code) && problem.detail ? `${words}: ${problem.detail}` : words;
}
