/** Which unsent message goes next, and which must wait for a word of its writer. Pure. */

/** @typedef {import("./types.js").OutboxItem} OutboxItem */

export const ASK_AFTER_MS = 60 * 60 * 1000;

/** In the order of writing. @param {OutboxItem[]} items */
export function inOrder(items) {
  return [...items].sort((a, b) => a.place - b.place || (a.client_message_id < b.client_message_id ? -1 : 1));
}

/**
 * The next to send for each chat: within a chat one waits for the one before it.
 * @param {OutboxItem[]} items @param {string} tab
 * @returns {OutboxItem[]}
 */
export function nextToSend(items, tab) {
  const taken = new Set();
  const next = [];
  for (const item of inOrder(items)) {
    if (item.state !== "waiting" || taken.has(item.chat_id)) continue;
    taken.add(item.chat_id);
    if (item.tab === tab) next.push(item);
  }
  return next;
}

/**
 * What a tab that starts, or takes over for a closed one, does with what it finds: old ones ask first.
 * @param {OutboxItem} item @param {string} tab @param {number} now
 * @returns {OutboxItem}
 */
export function adopted(item, tab, now) {
  const isOld = item.state === "waiting" && now - item.written_at > ASK_AFTER_MS;
  return { ...item, tab, state: isOld ? "held" : item.state };
}

/** The next place in the order of writing. @param {OutboxItem[]} items @param {number} now */
export function nextPlace(items, now) {
  return Math.max(now, ...items.map((item) => item.place + 1));
}
