/** What is unread, in the page's title and picture: seen from another tab. */

import { badge } from "./format.js";

/** @param {import("./store.js").Store} store @param {() => string} chatTitle */
export function keepPageTitle(store, chatTitle) {
  const link = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=icon]"));
  const plain = link.href;
  const withDot = new URL(link.dataset.unread ?? plain, location.href).href;
  const show = () => {
    const unread = store.unreadTotal;
    const name = chatTitle();
    const title = `${unread ? `(${badge(unread)}) ` : ""}${name ? `${name} · ` : ""}Webchat`;
    if (document.title !== title) document.title = title;
    const picture = unread ? withDot : plain;
    if (link.href !== picture) link.href = picture;
  };
  store.on("chats", show);
  show();
  return show;
}
