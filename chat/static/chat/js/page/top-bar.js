/** The buttons above the list of chats, and the keys that do the same from everywhere. */

import { fullName } from "../base/format.js";
import { gettext } from "../base/i18n.js";
import { avatar, byId, el } from "../dom/dom.js";
import { later } from "../dom/later.js";
import { entry, openMenu } from "../dom/menu.js";
import { listenForShortcuts } from "../dom/shortcuts.js";
import { isDark, switchTheme } from "../dom/theme.js";

const showShortcuts = () =>
  later(
    () => import("../panels/shortcuts-dialog.js"),
    (module) => module.showShortcuts(),
  );

/**
 * @param {{me: import("../types.js").Person, list: import("../chats/chat-list.js").ChatList,
 *   entering: import("./entering.js").Entering, safety: import("./safety.js").Safety, search: () => void}} parts
 */
export function listenToTopBar({ me, list, entering, safety, search }) {
  const onclick = (/** @type {string} */ id, /** @type {(button: HTMLElement) => void} */ work) =>
    byId(id).addEventListener("click", (/** @type {any} */ event) => work(event.currentTarget));
  onclick("search-messages", search);
  onclick("new-chat", (button) =>
    openMenu(button, [
      entry(gettext("Write to someone"), "person", () => list.focusFilter()),
      entry(gettext("Create a chat"), "group", () => entering.make()),
      entry(gettext("Find public chats"), "public", () => entering.find()),
    ]),
  );
  byId("my-menu").replaceChildren(avatar(me, { small: true }));
  onclick("my-menu", (button) =>
    openMenu(button, [
      el("div.caption", {}, gettext("Signed in as %(name)s", { name: fullName(me) })),
      entry(gettext("Profile"), "person", () => location.assign("/profile")),
      entry(isDark() ? gettext("Light colours") : gettext("Dark colours"), "moon", switchTheme),
      entry(gettext("Blocked people"), "block", () => safety.showBlocked()),
      entry(gettext("Keyboard shortcuts"), "keyboard", showShortcuts),
      entry(gettext("Sign out"), "leave", () => byId("sign-out").submit()),
    ]),
  );
}

/**
 * @param {{store: import("../state/store.js").Store, openChat: import("../messages/open-chat.js").OpenChat,
 *   composer: import("../composing/composer.js").Composer, list: import("../chats/chat-list.js").ChatList,
 *   entering: import("./entering.js").Entering, search: () => void, go: (path: string) => void}} parts
 */
export function listenToKeys({ store, openChat, composer, list, entering, search, go }) {
  listenForShortcuts({
    find: () => {
      if (matchMedia("(max-width: 720px)").matches) go("/");
      list.focusFilter();
    },
    search,
    step: (by) => {
      const chats = store.orderedChats;
      const place = chats.findIndex((chat) => chat.id === openChat.chatId);
      const next = chats[place < 0 ? 0 : place + by];
      if (next) entering.open(next.id);
    },
    escape: () => {
      if (composer.cancel()) composer.focus();
      else if (openChat.chatId) openChat.toNewest();
    },
    list: showShortcuts,
  });
}
