/** What a chat notifies of while nobody is looking at it. Pure, apart from the current time. */

/** @typedef {import("../types.js").Chat} Chat */

/** @param {Chat} chat */
export const isMuted = (chat) =>
  Boolean(chat.muted_until) && new Date(/** @type {string} */ (chat.muted_until)) > new Date();

/** @param {Chat} chat @param {boolean} isConcerned  it names one, answers one, or is written to one alone */
export const rings = (chat, isConcerned) =>
  !isMuted(chat) && (chat.notify === "all" || (isConcerned && chat.notify === "mentions"));

/** Whether ordinary messages matter little here. @param {Chat} chat */
export const isQuiet = (chat) => !rings(chat, chat.kind === "direct");
