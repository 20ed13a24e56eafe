/** What can be done with a message: reply, react, edit, delete, copy, look at earlier wordings and at who has seen it. */

import { confirmed, copy, orSay } from "./dialogs.js";
import { el } from "./dom.js";
import { gettext } from "./i18n.js";
import { later } from "./later.js";
import { closeMenu, openMenu } from "./menu.js";

const dialogs = () => import("./message-dialogs.js");
const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

/**
 * @param {{gateway: import("./gateway.js").Gateway, composer: import("./composer.js").Composer,
 *   outbox: import("./outbox.js").Outbox, room: () => import("./room.js").Room,
 *   store: import("./store.js").Store}} parts
 */
export function messageActions({ gateway, composer, outbox, room, store }) {
  /** @typedef {import("./types.js").Message} Message */
  const actions = {
    /** @param {Message} message */
    reply({ id, seq, sender, content, attachments, deleted }) {
      composer.reply({ id, seq, sender, content: [...content.slice(0, 240)].slice(0, 120).join(""), attachment: attachments?.[0], deleted });
    },

    /** @param {Message} message @param {string} emoji @param {boolean} on */
    react: (message, emoji, on) => orSay(() => gateway.request("reaction.set", { message_id: message.id, emoji, on })),

    /** @param {Message} message @param {HTMLElement} anchor */
    pickReaction: (message, anchor) => openMenu(anchor, [quickReactions(message)]),

    /** @param {Message} message */
    edit: (message) => composer.edit(message),

    /** @param {Message} message */
    async remove(message) {
      const isSure = await confirmed({
        title: gettext("Delete this message?"),
        text: gettext("Its words are taken away for everyone and cannot be brought back."),
        action: gettext("Delete"),
      });
      if (isSure) await orSay(() => gateway.request("message.delete", { message_id: message.id }));
    },

    /** @param {Message} message */
    versions: (message) => later(dialogs, ({ showVersions }) => showVersions(message.id)),

    /** @param {number} seq */
    jump: (seq) => room().jump(seq),

    /** @param {import("./types.js").OutboxItem} item */
    retry: (item) => outbox.retry(item),
    /** @param {import("./types.js").OutboxItem} item */
    discard: (item) => outbox.discard(item),
    /** @param {import("./types.js").OutboxItem} item */
    editUnsent(item) {
      composer.restore(item.content, item.reply_to, item.attachments);
      outbox.discard(item);
    },

    /** @param {Message} message @param {HTMLElement} anchor @param {string} [state]  how far it has come */
    menu(message, anchor, state) {
      const isMine = message.sender.id === store.me.id;
      const chat = room().chat;
      const mayDelete = isMine || (chat?.kind !== "direct" && chat?.role !== "member");
      const mayWrite = !chat?.closed;
      const withWords = message.hidden ? [] : [
        mayWrite && quickReactions(message),
        mayWrite && { label: gettext("Reply"), icon: "reply", onclick: () => actions.reply(message) },
        mayWrite && isMine && { label: gettext("Edit"), icon: "edit", onclick: () => actions.edit(message) },
        { label: gettext("Copy the text"), icon: "copy", onclick: () => copy(message.content) },
      ];
      openMenu(anchor, [
        state && el("div.caption", {}, state),
        ...withWords,
        { label: gettext("Copy a link to it"), icon: "link", onclick: () => copy(`${location.origin}/chats/${message.chat_id}#${message.seq}`) },
        isMine && { label: gettext("Seen by"), icon: "people", onclick: () => later(dialogs, ({ showSeenBy }) => showSeenBy(message.id)) },
        message.edited_at && !message.hidden ? { label: gettext("Earlier wordings"), icon: "history", onclick: () => actions.versions(message) } : null,
        !isMine && !message.hidden && { label: gettext("Report…"), icon: "flag", onclick: () => later(() => import("./reporting.js"), ({ report }) => report(store, { kind: "message", id: message.id, person: message.sender })) },
        mayDelete && { label: gettext("Delete"), icon: "trash", danger: true, onclick: () => actions.remove(message) },
      ]);
    },
  };

  /** @param {Message} message */
  function quickReactions(message) {
    const isOn = (/** @type {string} */ emoji) => message.reactions.some((one) => one.emoji === emoji && one.user_ids.includes(store.me.id));
    return el("div.quick", { role: "group", "aria-label": gettext("React") }, ...QUICK.map((emoji) => el("button", {
      role: "menuitem", "aria-label": gettext("React with %(emoji)s", { emoji }),
      onclick: () => {
        closeMenu();
        actions.react(message, emoji, !isOn(emoji));
      },
    }, emoji)));
  }

  return actions;
}
