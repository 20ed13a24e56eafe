/** What is written here: from the field to the unsent messages, and what happens once it is saved or refused. */

import { lookAgain } from "../composing/closed-chat.js";
import { toast } from "../dom/toasts.js";

// The event that shows a saved message is on its way; if it got lost, it is asked for after this long.
const SHOWN_WITHIN_MS = 1500;

/**
 * @param {{composer: import("../composing/composer.js").Composer, gateway: import("../net/gateway.js").Gateway,
 *   unsent: import("../state/unsent.js").Unsent, receipts: import("../messages/receipts.js").Receipts,
 *   openChat: import("../messages/open-chat.js").OpenChat, store: import("../state/store.js").Store, sync: import("../state/sync.js").Sync}} parts
 */
export function followWriting({ composer, gateway, unsent, receipts, openChat, store, sync }) {
  composer.on("send", (written) => {
    unsent.add(written);
    if (written.chatId === openChat.chatId) openChat.echo();
  });
  composer.on("edit", async ({ message, content }) => {
    if (content === message.content) return;
    try {
      await gateway.request("message.edit", { message_id: message.id, content });
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
      composer.edit(message, content);
    }
  });
  composer.on("edit-last", () => {
    const own = openChat.window?.messages.findLast(
      (message) => isOwn(message) && !message.deleted && !message.hidden,
    );
    if (own) composer.edit(own);
  });
  composer.on("typing", () => gateway.tell("typing", { chat_id: openChat.chatId }));

  unsent.on("saved", ({ chatId, seq, revision }) => {
    receipts.wrote(chatId, seq);
    setTimeout(() => sync.hearHead(chatId, revision), SHOWN_WITHIN_MS);
  });
  unsent.on("refused", ({ chatId }) => {
    if (store.chats.get(chatId)?.kind === "direct") lookAgain(store, chatId);
  });
  // Seen by this tab, whichever way it came.
  store.on("messages", ({ chatId }) => {
    const isThere = (/** @type {string} */ id) =>
      store.windows
        .get(chatId)
        ?.messages.some((message) => message.client_message_id === id && isOwn(message));
    for (const { client_message_id: id } of unsent.of(chatId)) if (isThere(id)) unsent.settle(id);
  });

  /** @param {import("../types.js").Message} message */
  function isOwn(message) {
    return message.sender.id === store.me.id;
  }
}
