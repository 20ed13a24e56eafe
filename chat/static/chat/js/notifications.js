/**
 * The browser's own notifications: asked for only after a click, shown only while nobody looks at the chat.
 * Kept per browser: whether they are wanted, and which chats are muted.
 */

import { gettext } from "./i18n.js";
import { plainText } from "./rich-text.js";

const WANTED = "webchat.notify";
const MUTED = "webchat.muted.";

export const canNotify = "Notification" in globalThis;

export function notifies() {
  return canNotify && Notification.permission === "granted" && read(WANTED) === "on";
}

/** Asks the browser the first time. @returns {Promise<boolean>} whether they are on now */
export async function switchNotifications() {
  const isOn = !notifies() && (await Notification.requestPermission()) === "granted";
  write(WANTED, isOn ? "on" : null);
  return isOn;
}

/** @param {number} chatId */
export const isMuted = (chatId) => read(MUTED + chatId) === "on";

/** @param {number} chatId */
export function switchMuted(chatId) {
  write(MUTED + chatId, isMuted(chatId) ? null : "on");
}

/** @param {import("./types.js").Chat} chat @param {import("./types.js").Message} message @param {() => void} open */
export function notify(chat, message, open) {
  if (!notifies() || isMuted(chat.id)) return;
  const { sender, content } = message;
  const title = chat.kind === "direct" ? sender.name : gettext("%(name)s in %(chat)s", { name: sender.name, chat: chat.title });
  // One per chat, also when it is open in several tabs: the newer one takes the older one's place.
  const note = new Notification(title, { body: plainText(content).slice(0, 200), tag: `chat-${chat.id}` });
  note.onclick = () => {
    focus();
    open();
    note.close();
  };
}

/** @param {string} key */
function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {?string} value */
function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // No storage: it lasts as long as the page.
  }
}
