// What the server refuses, at the field that it names. Pure.
import { messageText } from "../problems.js";

// field -> what is wrong with it, in the page's language.
export const faultsOf = (problem) =>
  Object.fromEntries((problem?.errors ?? []).map((one) => [one.field, messageText(one)]));

// Whether every fault stands at a field, so that nothing is left to say below them.
export const isPlaced = (problem, hasField) =>
  problem?.errors?.length > 0 && problem.errors.every((one) => hasField(one.field));
