/** Follows the address: "/" is the list, "/chats/7" a chat, "/chats/7#12" a message in it. */

import { gettext } from "../base/i18n.js";
import { lookAgain } from "../composing/closed-chat.js";
import { byId } from "../dom/dom.js";
import { followLayers } from "../dom/layers.js";
import { showEmpty } from "../messages/open-chat.js";

/** @typedef {{id: number, title: string, refused?: string}} Offer  a chat that could be joined, or why not */

/** @param {string} path */
const chatIdOf = (path) => Number(/^\/chats\/(\d+)/.exec(path)?.[1] ?? 0);

export class Navigation {
  #parts;

  /**
   * @param {{store: import("../state/store.js").Store, openChat: import("../messages/open-chat.js").OpenChat,
   *   composer: import("../composing/composer.js").Composer, list: import("../chats/chat-list.js").ChatList,
   *   members: {close: () => void}, receipts: import("../messages/receipts.js").Receipts,
   *   notifications: import("../notifying/notifications.js").Notifications, head: import("./head.js").Head,
   *   entering: import("./entering.js").Entering, showTitle: () => void, offer?: Offer}} parts
   */
  constructor(parts) {
    this.#parts = parts;
    addEventListener("popstate", () => this.follow());
    byId("chat").addEventListener("click", (/** @type {MouseEvent} */ event) =>
      this.#clicked(event),
    );
  }

  /** @param {string} path @param {{replace?: boolean}} [how] */
  go(path, { replace = false } = {}) {
    if (replace) history.replaceState(null, "", path);
    else if (path !== location.pathname + location.hash) {
      const fromList = location.pathname === "/" || history.state?.over;
      history.pushState({ fromList }, "", path);
    }
    this.follow();
  }

  follow() {
    const { store, openChat, members, list, showTitle } = this.#parts;
    const chatId = chatIdOf(location.pathname);
    const seq = Number(/^#(\d+)$/.exec(location.hash)?.[1] ?? 0);
    const panes = byId("panes");
    followLayers();
    if (chatId) panes.dataset.pane = "chat";
    else delete panes.dataset.pane;
    if (chatId && chatId === openChat.chatId) {
      if (seq) openChat.jump(seq);
      return;
    }
    if (!history.state?.over) members.close();
    const chat = store.chats.get(chatId);
    if (chat) this.#show(chat, seq);
    else this.#showNothing(chatId);
    list.draw();
    showTitle();
  }

  /** @param {import("../types.js").Chat} chat @param {number} seq */
  #show(chat, seq) {
    const { store, openChat, composer, receipts, notifications, head } = this.#parts;
    openChat.open(chat.id, { seq });
    head.draw();
    head.drawTyping();
    composer.open(chat);
    if (chat.closed) lookAgain(store, chat.id);
    receipts.look();
    notifications.opened(chat.id);
  }

  /** No chat is open, or one that could be joined. @param {number} chatId */
  #showNothing(chatId) {
    const { openChat, composer, head, offer, entering } = this.#parts;
    openChat.close();
    composer.close();
    head.hide();
    if (chatId && offer?.id === chatId) return this.#showOffer(offer);
    const [title, text] = this.#nothing(chatId);
    showEmpty(
      "group",
      title,
      text,
      [gettext("Create a chat"), () => entering.make()],
      [gettext("Find public chats"), () => entering.find()],
    );
  }

  /** @param {Offer} offer */
  #showOffer(offer) {
    const { entering } = this.#parts;
    /** @type {[string, () => void]} */
    const away = [gettext("To my chats"), () => this.go("/")];
    if (offer.refused) return showEmpty("public", offer.title, offer.refused, away);
    const text = gettext("This is a public chat. Join it to read and write.");
    showEmpty("public", offer.title, text, [gettext("Join"), () => entering.join(offer)], away);
  }

  /** @param {number} chatId */
  #nothing(chatId) {
    const { store } = this.#parts;
    if (chatId)
      return [
        gettext("There is nothing here"),
        gettext("This chat does not exist, or you are not a member."),
      ];
    if (store.chats.size)
      return [gettext("Choose a chat"), gettext("Pick one from the list or start a new one.")];
    return [
      gettext("Welcome, %(name)s", { name: store.me.name }),
      gettext(
        "Find someone by name on the left and write to them, create a chat of your own, or join a public one.",
      ),
    ];
  }

  /** A link to a message in one of the person's chats leads there without loading the page again. @param {MouseEvent} event */
  #clicked(event) {
    const link = /** @type {?HTMLAnchorElement} */ (
      /** @type {Element} */ (event.target).closest("a[href]")
    );
    const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
    if (!link || link.origin !== location.origin || isElsewhere) return;
    if (!this.#parts.store.chats.has(chatIdOf(link.pathname))) return;
    event.preventDefault();
    this.go(link.pathname + link.hash);
  }
}
