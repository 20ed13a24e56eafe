/** What can be done with a message: reply, react, edit, delete, copy, look at earlier wordings and at who has seen it. */

import { api } from "./api.js";
import { confirmed, copy, loadedList, nextPage, openDialog, orSay } from "./dialogs.js";
import { avatar, el, isolated } from "./dom.js";
import { exactTime } from "./format.js";
import { gettext, number } from "./i18n.js";
import { closeMenu, openMenu } from "./menu.js";

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
    async versions(message) {
      const found = await orSay(() => api("GET", `messages/${message.id}/edits`));
      if (!found) return;
      const version = (/** @type {string} */ content, /** @type {string} */ until) =>
        el("li", {}, el("div", { dir: "auto" }, content), el("small.role", {}, gettext("until %(time)s", { time: exactTime(new Date(until)) })));
      openDialog(gettext("Earlier wordings"), [el("ol.versions", {}, ...found.edits.map((/** @type {any} */ edit) => version(edit.content, edit.edited_at)))]);
    },

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
      const withWords = message.hidden ? [] : [
        quickReactions(message),
        { label: gettext("Reply"), icon: "reply", onclick: () => actions.reply(message) },
        isMine && { label: gettext("Edit"), icon: "edit", onclick: () => actions.edit(message) },
        { label: gettext("Copy the text"), icon: "copy", onclick: () => copy(message.content) },
      ];
      openMenu(anchor, [
        state && el("div.caption", {}, state),
        ...withWords,
        { label: gettext("Copy a link to it"), icon: "link", onclick: () => copy(`${location.origin}/chats/${message.chat_id}#${message.seq}`) },
        isMine && { label: gettext("Seen by"), icon: "people", onclick: () => showSeenBy(message.id) },
        message.edited_at && !message.hidden ? { label: gettext("Earlier wordings"), icon: "history", onclick: () => actions.versions(message) } : null,
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

/** Who has received and read a message of ours. @param {number} messageId */
function showSeenBy(messageId) {
  const sum = el("p");
  const list = loadedList(el("div.list"), {
    none: gettext("Nobody else was in the chat when it was written."),
    name: "people",
    read: (page) => api("GET", `messages/${messageId}/receipts?page=${page}`),
    next: nextPage,
    row,
    drawn: (found) => {
      sum.textContent = inWords(found);
    },
  });
  openDialog(gettext("Seen by"), [sum, list.node]);
}

/** @param {{members: number, delivered: number, read?: number}} found */
function inWords({ members, delivered, read }) {
  if (!members) return "";
  const others = number(members);
  const reached = gettext("Delivered to %(count)s of %(others)s", { count: number(delivered), others });
  const seen = read === undefined
    ? gettext("You do not show what you have read, so you are not shown what others have.")
    : gettext("Read by %(count)s of %(others)s", { count: number(read), others });
  return `${reached}. ${seen}${read === undefined ? "" : "."}`;
}

/** @param {{user: import("./types.js").Person, delivered: boolean, read?: boolean}} person */
function row({ user, delivered, read }) {
  const state = read ? gettext("Read") : delivered ? gettext("Delivered") : gettext("Not delivered yet");
  const name = el("span.name.ellipsis", {}, isolated(user.name));
  return el("div.row", {}, avatar(user), el("span.body", {}, el("span.line", {}, name, el("span.role", {}, state)), el("span.sub.ellipsis", {}, `@${user.username}`)));
}
