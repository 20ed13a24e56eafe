/** Which unsent message is sent next, and which needs its writer's confirmation first. Pure. */

/** @typedef {import("../types.js").UnsentMessage} UnsentMessage */

export const ASK_AFTER_MS = 60 * 60 * 1000;

/** In the order of writing. @param {UnsentMessage[]} items */
export function inOrder(items) {
  return [...items].sort(
    (a, b) => a.place - b.place || (a.client_message_id < b.client_message_id ? -1 : 1),
  );
}

/**
 * The next to send for each chat: within a chat one waits for the one before it.
 * @param {UnsentMessage[]} items @param {string} tab
 * @returns {UnsentMessage[]}
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

/** Whether it has waited so long that its writer is asked first. @param {UnsentMessage} item @param {number} now */
export function asksFirst({ state, written_at: writtenAt, wanted_at: wantedAt = writtenAt }, now) {
  return state === "waiting" && now - wantedAt > ASK_AFTER_MS;
}

/** The next place in the order of writing. @param {UnsentMessage[]} items @param {number} now */
export function nextPlace(items, now) {
  return Math.max(now, ...items.map((item) => item.place + 1));
}
