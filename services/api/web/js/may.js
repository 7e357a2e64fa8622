// What the one who is signed in may do. An act beyond it is not shown: the server would refuse it anyway.
import { live } from "./store.js";

export const mayAdminister = () => may("maintain") || may("administer");

// The server lists also the areas above one's own, for their names; what one may see and give is inside.
export const covers = (code) =>
  live.get().session?.areas.some((prefix) => prefix === "*" || code.startsWith(prefix)) ?? false;

export const may = (permission) => live.get().session?.permissions.includes(permission) ?? false;
