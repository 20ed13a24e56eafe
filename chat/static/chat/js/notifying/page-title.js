/** What is unread, in the page's title and icon, where it is seen from another tab. */

import { badge } from "../base/format.js";
import { isolate } from "../base/i18n.js";

/** @param {import("../state/store.js").Store} store @param {() => string} chatTitle */
export function keepPageTitle(store, chatTitle) {
  const link = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=icon]"));
  const plain = link.href;
  const pictures = { unread: link.dataset.unread, mentioned: link.dataset.mentioned };
  const show = () => {
    const { unreadTotal: unread, mentionsTotal: mentions } = store;
    const name = chatTitle();
    const counts = [mentions && `@${badge(mentions)}`, unread && badge(unread)]
      .filter(Boolean)
      .join(" ");
    const title = (counts && `(${counts}) `) + (name && `${isolate(name)} · `) + "Webchat";
    if (document.title !== title) document.title = title;
    const picture = new URL(
      (mentions ? pictures.mentioned : unread ? pictures.unread : null) ?? plain,
      location.href,
    ).href;
    if (link.href !== picture) link.href = picture;
  };
  store.on("chats", show);
  show();
  return show;
}
