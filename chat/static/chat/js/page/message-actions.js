/** What can be done with a message: reply, react, edit, delete, copy, see its edit history and who has seen it. */

import { gettext } from "../base/i18n.js";
import { copy, orSay } from "../dom/toasts.js";
import { el } from "../dom/dom.js";
import { later } from "../dom/later.js";
import { closeMenu, dangerous, entry, openMenu } from "../dom/menu.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").UnsentMessage} UnsentMessage */

const dialogs = () => import("../messages/message-dialogs.js");
const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "😢"];
const QUOTED_LENGTH = 120;

export class MessageActions {
  #gateway;
  #composer;
  #unsent;
  #store;
  #safety;
  #openChat;

  /**
   * @param {{gateway: import("../net/gateway.js").Gateway, composer: import("../composing/composer.js").Composer,
   *   unsent: import("../state/unsent.js").Unsent, store: import("../state/store.js").Store,
   *   safety: import("./safety.js").Safety, openChat: () => import("../messages/open-chat.js").OpenChat}} parts
   */
  constructor({ gateway, composer, unsent, store, safety, openChat }) {
    this.#gateway = gateway;
    this.#composer = composer;
    this.#unsent = unsent;
    this.#store = store;
    this.#safety = safety;
    this.#openChat = openChat;
  }

  /** @param {Message} message */
  reply({ id, seq, sender, content: whole, attachments, deleted }) {
    const content = [...whole.slice(0, 2 * QUOTED_LENGTH)].slice(0, QUOTED_LENGTH).join("");
    this.#composer.reply({ id, seq, sender, content, attachment: attachments?.[0], deleted });
  }

  /** @param {Message} message @param {string} emoji @param {boolean} on */
  react({ id }, emoji, on) {
    return orSay(() => this.#gateway.request("reaction.set", { message_id: id, emoji, on }));
  }

  /** @param {Message} message @param {HTMLElement} anchor */
  pickReaction(message, anchor) {
    openMenu(anchor, [this.#quickReactions(message)]);
  }

  /** @param {Message} message */
  remove({ id }) {
    const send = () => orSay(() => this.#gateway.request("message.delete", { message_id: id }));
    return later(dialogs, async ({ confirmDelete }) => {
      if (await confirmDelete()) await send();
    });
  }

  /** @param {Message} message */
  versions({ id }) {
    return later(dialogs, ({ showVersions }) => showVersions(id));
  }

  /** @param {number} seq */
  jump(seq) {
    return this.#openChat().jump(seq);
  }

  /** @param {UnsentMessage} item */
  retry(item) {
    this.#unsent.retry(item);
  }

  /** @param {UnsentMessage} item */
  discard(item) {
    this.#unsent.discard(item);
  }

  /** @param {UnsentMessage} item */
  editUnsent(item) {
    this.#composer.restore(item.content, item.reply_to, item.attachments);
    this.#unsent.discard(item);
  }

  /** @param {Message} message @param {HTMLElement} anchor @param {string} [state]  how far it has come */
  menu(message, anchor, state) {
    const { id, chat_id: chatId, seq, sender, hidden } = message;
    const { chat } = this.#openChat();
    const isOwn = sender.id === this.#store.me.id;
    const mayDelete = isOwn || (chat?.kind !== "direct" && chat?.role !== "member");
    const report = () => this.#safety.report({ kind: "message", id, person: sender });
    openMenu(anchor, [
      state && el("div.caption", {}, state),
      ...(hidden ? [] : this.#withWords(message, isOwn)),
      entry(gettext("Copy a link to it"), "link", () =>
        copy(`${location.origin}/chats/${chatId}#${seq}`),
      ),
      isOwn &&
        entry(gettext("Seen by"), "people", () =>
          later(dialogs, ({ showSeenBy }) => showSeenBy(id)),
        ),
      message.edited_at &&
        !hidden &&
        entry(gettext("Edit history"), "history", () => this.versions(message)),
      !isOwn && !hidden && entry(gettext("Report…"), "flag", report),
      mayDelete && dangerous(gettext("Delete"), "trash", () => this.remove(message)),
    ]);
  }

  /** What its words are needed for. @param {Message} message @param {boolean} isOwn */
  #withWords(message, isOwn) {
    const mayWrite = !this.#openChat().chat?.closed;
    return [
      mayWrite && this.#quickReactions(message),
      mayWrite && entry(gettext("Reply"), "reply", () => this.reply(message)),
      mayWrite && isOwn && entry(gettext("Edit"), "edit", () => this.#composer.edit(message)),
      entry(gettext("Copy the text"), "copy", () => copy(message.content)),
    ];
  }

  /** @param {Message} message */
  #quickReactions(message) {
    const { me } = this.#store;
    const isOn = (/** @type {string} */ emoji) =>
      message.reactions.some((one) => one.emoji === emoji && one.user_ids.includes(me.id));
    const button = (/** @type {string} */ emoji) => {
      const onclick = () => {
        closeMenu();
        this.react(message, emoji, !isOn(emoji));
      };
      const label = gettext("React with %(emoji)s", { emoji });
      return el("button", { role: "menuitem", "aria-label": label, onclick }, emoji);
    };
    return el("div.quick", { role: "group", "aria-label": gettext("React") }, ...QUICK.map(button));
  }
}
