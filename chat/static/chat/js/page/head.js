/** What stands around the messages of the open chat: its head with its menu, who is typing, why one cannot write. */

import { gettext } from "../base/i18n.js";
import { drawChatHead } from "../chats/chat-head.js";
import { drawClosed } from "../composing/closed-chat.js";
import { copy } from "../dom/toasts.js";
import { byId } from "../dom/dom.js";
import { later } from "../dom/later.js";
import { dangerous, entry, openMenu } from "../dom/menu.js";

/** @typedef {import("../types.js").Chat} Chat */

const chatDialogs = () => import("../chats/chat-dialogs.js");
const inviteLinks = () => import("../chats/invite-links.js");
const notifyDialog = () => import("../notifying/notify-dialog.js");
const webhooks = () => import("../panels/webhooks.js");

/** @param {Chat} chat */
export const showInvites = (chat) => later(inviteLinks, (module) => module.showInvites(chat));

export class Head {
  #openChat;
  #store;
  #typing;
  #safety;
  #members;
  #search;
  #go;

  /**
   * @param {{openChat: import("../messages/open-chat.js").OpenChat, store: import("../state/store.js").Store,
   *   typing: import("../state/typing.js").Typing, safety: import("./safety.js").Safety,
   *   members: {open: () => void, toggle: () => void}, search: (chatId: number) => void, go: (path: string) => void}} parts
   */
  constructor({ openChat, store, typing, safety, members, search, go }) {
    this.#openChat = openChat;
    this.#store = store;
    this.#typing = typing;
    this.#safety = safety;
    this.#members = members;
    this.#search = search;
    this.#go = go;
    store.on("status", ({ chatId }) => chatId === openChat.chatId && this.draw());
    store.on("chats", () => this.draw());
    typing.on("changed", (chatId) => chatId === openChat.chatId && this.drawTyping());
  }

  draw() {
    const { chat } = this.#openChat;
    if (!chat) return;
    drawClosed(chat, (person) => this.#safety.toggleBlock(person));
    drawChatHead(chat, this.#store.online, {
      back: () => (history.state?.fromList ? history.back() : this.#go("/")),
      members: () => this.#members.toggle(),
      menu: (anchor) => this.#menu(anchor),
    });
  }

  drawTyping() {
    byId("typing").textContent = this.#typing.inWords(this.#openChat.chatId);
  }

  hide() {
    byId("chat-head").hidden = true;
    byId("typing").textContent = "";
  }

  /** @param {HTMLElement} anchor */
  #menu(anchor) {
    const { chat } = this.#openChat;
    if (!chat) return;
    const { id, peer } = chat;
    const isMany = chat.kind !== "direct";
    const mayManage = isMany && chat.role !== "member";
    const rename = () => later(chatDialogs, ({ renameChat }) => renameChat(chat));
    const notify = () => later(notifyDialog, ({ chooseNotify }) => chooseNotify(this.#store, chat));
    const hooks = () => later(webhooks, ({ showWebhooks }) => showWebhooks(chat));
    const leave = () => later(chatDialogs, ({ leaveChat }) => leaveChat(chat));
    openMenu(anchor, [
      isMany && entry(gettext("Members"), "people", () => this.#members.open()),
      mayManage && entry(gettext("Rename"), "edit", rename),
      entry(gettext("Notifications"), "bell", notify),
      mayManage && entry(gettext("Invite by link"), "plus", () => showInvites(chat)),
      mayManage && entry(gettext("Webhooks"), "plug", hooks),
      entry(gettext("Search here"), "search", () => this.#search(id)),
      entry(gettext("Copy a link"), "link", () => copy(`${location.origin}/chats/${id}`)),
      entry(gettext("Report…"), "flag", () => this.#report(chat)),
      peer && !peer.deleted && this.#safety.entry(peer),
      isMany && dangerous(gettext("Leave"), "leave", leave),
    ]);
  }

  /** @param {Chat} chat */
  #report({ id, peer, title }) {
    this.#safety.report(
      peer ? { kind: "person", id: peer.id, person: peer } : { kind: "chat", id, title },
    );
  }
}
