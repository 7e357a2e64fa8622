// What the one who is signed in may do. An act beyond it is not shown: the server would refuse it anyway.
import { live } from "./store.js";

export const mayAdminister = () => may("maintain") || may("administer");

export const may = (permission) => live.get().session?.permissions.includes(permission) ?? false;
