/** A direct chat in which nothing may be written: what stands where one would write, and whether that is still so. */

import { api } from "../net/api.js";
import { byId, el } from "../dom/dom.js";
import { gettext } from "../base/i18n.js";

/** @param {import("../types.js").Chat} chat @param {(person: import("../types.js").Person) => void} unblock */
export function drawClosed(chat, unblock) {
  const line = byId("closed");
  const { peer } = chat;
  const isGone = Boolean(peer?.deleted);
  line.hidden = !isGone && !chat.closed;
  const drawn = JSON.stringify([chat.id, peer?.name, isGone, chat.blocked]);
  if (line.hidden || line.dataset.drawn === drawn) return;
  line.dataset.drawn = drawn;
  const button =
    peer &&
    chat.blocked &&
    !isGone &&
    el("button.button.small", { onclick: () => unblock(peer) }, gettext("Unblock"));
  line.replaceChildren(el("p", {}, words(chat)), button || "");
}

/** @param {import("../types.js").Chat} chat */
function words({ peer, blocked }) {
  if (peer?.deleted)
    return gettext("This account has been deleted. Nobody will read what you write here.");
  return blocked && peer
    ? gettext("You have blocked %(name)s. Unblock to write.", { name: peer.name })
    : gettext("You cannot write to this person.");
}

/** The server does not say when somebody else closes a chat, or opens it again, so we ask. @param {import("../state/store.js").Store} store @param {number} chatId */
export async function lookAgain(store, chatId) {
  const answer = await api("GET", `chats/${chatId}`).catch(() => null);
  if (answer) store.update(chatId, { closed: answer.chat.closed, blocked: answer.chat.blocked });
}
