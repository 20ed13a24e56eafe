/** What the server says, and which part it is for. */

import { lineOf } from "./attachments.js";
import { lookAgain } from "./closed-chat.js";
import { copy, openDialog, toast } from "./dialogs.js";
import { el } from "./dom.js";
import { gettext } from "./i18n.js";
import { newCursor } from "./store.js";

/**
 * @param {{gateway: import("./gateway.js").Gateway, store: import("./store.js").Store, sync: import("./sync.js").Sync,
 *   outbox: import("./outbox.js").Outbox, typing: import("./typing.js").Typing, receipts: import("./receipts.js").Receipts,
 *   room: import("./room.js").Room, members: import("./members.js").MembersPanel,
 *   notifications: import("./notifications.js").Notifications, leave: () => void}} parts
 */
export function listenToServer({ gateway, store, sync, outbox, typing, receipts, room, members, notifications, leave }) {
  /** @type {Record<string, (frame: any) => void>} */
  const hear = {
    welcome: (frame) => everything(frame),
    chats: (frame) => everything(frame),
    "message.created": (frame) => {
      // Whoever writes there has opened it again.
      if (store.chats.get(frame.chat_id)?.closed) lookAgain(store, frame.chat_id);
      typing.stopped(frame.chat_id, frame.message.sender.id);
      if (frame.message.sender.id === store.me.id) outbox.settle(frame.message.client_message_id);
      sync.applyEvent(frame);
      receipts.delivered(frame.chat_id);
    },
    "message.edited": (frame) => sync.applyEvent(frame),
    "message.deleted": (frame) => sync.applyEvent(frame),
    "message.reacted": (frame) => sync.applyEvent(frame),
    "chat.changes": (frame) => sync.applyChanges(frame),
    status: (frame) => store.applyStatus(frame),
    heads: (frame) => sync.hearHeads(frame.heads),
    "chat.created": (frame) => sync.chatCreated(frame.chat),
    "chat.updated": ({ type, chat_id: chatId, ...fields }) => store.update(chatId, fields),
    "chat.removed": (frame) => removed(frame.chat_id),
    "person.blocked": ({ user_id: userId, blocked }) => store.setBlocked(userId, blocked),
    "person.renamed": ({ user }) => store.rename(user),
    "member.joined": (frame) => came(frame),
    "member.left": (frame) => left(frame),
    typing: (frame) => frame.user.id !== store.me.id && typing.heard(frame.chat_id, frame.user),
    presence: (frame) => store.setOnline(frame.user_id, frame.online),
    notification: (frame) => notifications.hear(frame),
  };
  /** Chats whose unsent words are, or were, shown. @type {Set<number>} */
  const handedBack = new Set();
  gateway.on("frame", (frame) => hear[frame.type]?.(frame));
  gateway.on("online", () => room.again());

  /** @param {any} frame */
  function everything({ chats, notifications: standing, blocked, isLive }) {
    store.blocked = new Set(blocked);
    const present = new Set(chats.map((chat) => chat.id));
    // Also what this browser still wants to send to a chat that was left while the page was closed.
    for (const chatId of new Set([...store.chats.keys(), ...outbox.chatIds])) if (!present.has(chatId)) removed(chatId);
    sync.welcome(chats, isLive);
    notifications.replace(standing, isLive);
    room.again();
    for (const chat of chats) receipts.delivered(chat.id);
  }

  /** Also said when somebody's role changes. @param {any} frame */
  function came({ chat_id: chatId, user, role, joined_at: joinedAt, member_count: count }) {
    const chat = store.chats.get(chatId);
    if (!chat) return;
    const isMe = user.id === store.me.id;
    const isKnown = isMe || user.is_bot || chat.cursors.some((cursor) => cursor.user_id === user.id);
    const cursors = isKnown ? chat.cursors : [...chat.cursors, newCursor(user.id, joinedAt)];
    store.update(chatId, { member_count: count, cursors, ...(isMe ? { role } : {}) });
    members.changed(chatId);
  }

  /** @param {any} frame */
  function left({ chat_id: chatId, user_id: userId, member_count: count }) {
    const chat = store.chats.get(chatId);
    if (!chat) return;
    store.update(chatId, { member_count: count, cursors: chat.cursors.filter((cursor) => cursor.user_id !== userId) });
    members.changed(chatId);
  }

  /** @param {number} chatId */
  function removed(chatId) {
    const title = store.chats.get(chatId)?.title;
    sync.revisions.forget(chatId);
    store.remove(chatId);
    if (room.chatId === chatId) leave();
    const text = title ? gettext("You are no longer in %(name)s.", { name: title }) : gettext("You are no longer in a chat that you wrote to.");
    const unsent = outbox.of(chatId).filter((item) => item.state !== "sent");
    if (!unsent.length) return title && toast(text);
    if (handedBack.has(chatId)) return;
    handedBack.add(chatId);
    // Nowhere else are these words: they go when they are told to.
    const discard = () => {
      unsent.forEach((item) => outbox.discard(item));
      dialog.close();
    };
    const dialog = openDialog(text, [el("p", {}, gettext("This was not sent:")), ...unsent.map((item) => el("p.note", { dir: "auto" }, lineOf(item)))], [
      el("button.button", { onclick: () => copy(unsent.map((item) => item.content).join("\n\n")) }, gettext("Copy the text")),
      el("button.button", { onclick: discard }, gettext("Discard")),
    ]);
  }
}
