/** What the server says, and which part it is for. */

import { gettext } from "../base/i18n.js";
import { lookAgain } from "../composing/closed-chat.js";
import { later } from "../dom/later.js";
import { toast } from "../dom/toasts.js";

const handedBack = () => import("../composing/handed-back.js");

/**
 * @typedef {object} Parts
 * @property {import("../net/gateway.js").Gateway} gateway
 * @property {import("../state/store.js").Store} store
 * @property {import("../state/sync.js").Sync} sync
 * @property {import("../state/unsent.js").Unsent} unsent
 * @property {import("../state/typing.js").Typing} typing
 * @property {import("../messages/receipts.js").Receipts} receipts
 * @property {import("../messages/open-chat.js").OpenChat} openChat
 * @property {import("../notifying/notifications.js").Notifications} notifications
 * @property {(chatId: number) => void} membersChanged
 * @property {() => void} leave  the open chat
 */

export class ServerEvents {
  #parts;
  /** Chats whose unsent words are, or were, shown. @type {Set<number>} */
  #handedBack = new Set();

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const hear = {
      ...this.#aboutMessages(parts),
      ...this.#aboutChats(parts),
      ...this.#aboutPeople(parts),
    };
    parts.gateway.on("frame", (frame) => hear[frame.type]?.(frame));
    parts.gateway.on("online", () => parts.openChat.again());
  }

  /** @param {Parts} parts @returns {Record<string, (frame: any) => void>} */
  #aboutMessages({ store, sync, notifications }) {
    return {
      "message.created": (frame) => this.#created(frame),
      "message.edited": (frame) => sync.applyEvent(frame),
      "message.deleted": (frame) => sync.applyEvent(frame),
      "message.reacted": (frame) => sync.applyEvent(frame),
      "chat.changes": (frame) => sync.applyChanges(frame),
      status: (frame) => store.applyStatus(frame),
      heads: (frame) => sync.hearHeads(frame.heads),
      notification: (frame) => notifications.hear(frame),
    };
  }

  /** @param {Parts} parts @returns {Record<string, (frame: any) => void>} */
  #aboutChats({ store, sync, membersChanged }) {
    return {
      welcome: (frame) => this.#everything(frame),
      chats: (frame) => this.#everything(frame),
      "chat.created": (frame) => sync.chatCreated(frame.chat),
      "chat.updated": ({ type: _, chat_id: chatId, ...fields }) => store.update(chatId, fields),
      "chat.removed": (frame) => this.#removed(frame.chat_id),
      "member.joined": (frame) => {
        store.memberJoined(frame);
        membersChanged(frame.chat_id);
      },
      "member.left": (frame) => {
        store.memberLeft(frame);
        membersChanged(frame.chat_id);
      },
    };
  }

  /** @param {Parts} parts @returns {Record<string, (frame: any) => void>} */
  #aboutPeople({ store, typing }) {
    return {
      "person.blocked": ({ user_id: userId, blocked }) => store.setBlocked(userId, blocked),
      "person.renamed": ({ user }) => store.rename(user),
      typing: ({ chat_id: chatId, user }) => user.id !== store.me.id && typing.heard(chatId, user),
      presence: (frame) => store.setOnline(frame.user_id, frame.online),
    };
  }

  /** @param {{chat_id: number, revision: number, message: import("../types.js").Message}} frame */
  #created(frame) {
    const { store, sync, unsent, typing, receipts } = this.#parts;
    const { chat_id: chatId, message } = frame;
    // A message there means that it is open again.
    if (store.chats.get(chatId)?.closed) lookAgain(store, chatId);
    typing.stopped(chatId, message.sender.id);
    if (message.sender.id === store.me.id) unsent.settle(message.client_message_id);
    sync.applyEvent(frame);
    receipts.delivered(chatId);
  }

  /** @param {{chats: import("../types.js").Chat[], notifications: any, blocked: number[], isLive?: boolean}} frame */
  #everything({ chats, notifications: standing, blocked, isLive }) {
    const { store, sync, unsent, openChat, notifications, receipts } = this.#parts;
    store.replaceBlocked(blocked);
    const present = new Set(chats.map((chat) => chat.id));
    // Also what this browser still wants to send to a chat that was left while the page was closed.
    for (const chatId of new Set([...store.chats.keys(), ...unsent.chatIds])) {
      if (!present.has(chatId)) this.#removed(chatId);
    }
    sync.welcome(chats, isLive);
    notifications.replace(standing, isLive);
    openChat.again();
    for (const chat of chats) receipts.delivered(chat.id);
  }

  /** @param {number} chatId */
  #removed(chatId) {
    const { store, sync, unsent, openChat, leave } = this.#parts;
    const title = store.chats.get(chatId)?.title;
    sync.chatRemoved(chatId);
    if (openChat.chatId === chatId) leave();
    const text = title
      ? gettext("You are no longer in %(name)s.", { name: title })
      : gettext("You are no longer in a chat you were writing to.");
    const items = unsent.of(chatId).filter((item) => item.state !== "sent");
    if (!items.length) {
      if (title) toast(text);
      return;
    }
    // Where it cannot be loaded, the next welcome tries again.
    later(handedBack, ({ handBack }) => {
      if (this.#handedBack.has(chatId)) return;
      this.#handedBack.add(chatId);
      handBack(text, items, (item) => unsent.discard(item));
    });
  }
}
