/** Finds people and public chats while somebody types into the filter of the chat list. */

import { gettext } from "../base/i18n.js";
import { el } from "../dom/dom.js";
import { api } from "../net/api.js";
import { personRow, publicRow } from "./found-rows.js";

/** @typedef {import("../types.js").Person} Person */
/** @typedef {{id: number, title: string, member_count: number, joined: boolean}} PublicChat */

/**
 * What to show: people and chats, or why they could not be read.
 * @param {string} words @param {ReadonlySet<number|undefined>} known  people who have a chat in the list
 * @param {(name: "write-to"|"join", chosen: Person|PublicChat) => void} chose
 * @returns {Promise<Node[]>}
 */
export async function find(words, known, chose) {
  const query = encodeURIComponent(words);
  try {
    const [{ people }, { chats }] = await Promise.all([
      api("GET", `people?q=${query}`),
      api("GET", `chats/public?q=${query}`),
    ]);
    const others = people.filter((/** @type {Person} */ person) => !known.has(person.id));
    const open = chats.filter((/** @type {PublicChat} */ chat) => !chat.joined);
    const person = (/** @type {Person} */ one) => personRow(one, () => chose("write-to", one));
    const chat = (/** @type {PublicChat} */ one) => publicRow(one, () => chose("join", one));
    return [
      ...section(gettext("People"), others.map(person)),
      ...section(gettext("Public chats"), open.map(chat)),
    ];
  } catch (error) {
    const reason = /** @type {Error} */ (error).message;
    return [el("p.list-title", { role: "alert" }, reason)];
  }
}

/** @param {string} title @param {Node[]} rows */
function section(title, rows) {
  return rows.length ? [el("h2.list-title", {}, title), ...rows] : [];
}
