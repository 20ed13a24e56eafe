/** What is written here: from the field into the outbox, and what becomes of it once it is saved, or could not be. */

import { lookAgain } from "./closed-chat.js";
import { toast } from "./dialogs.js";

// The event that shows a saved message is on its way; if it got lost, it is asked for after this long.
const SHOWN_WITHIN_MS = 1500;

/**
 * @param {{composer: import("./composer.js").Composer, gateway: import("./gateway.js").Gateway,
 *   outbox: import("./outbox.js").Outbox, receipts: import("./receipts.js").Receipts,
 *   room: import("./room.js").Room, store: import("./store.js").Store, sync: import("./sync.js").Sync}} parts
 */
export function followWriting({ composer, gateway, outbox, receipts, room, store, sync }) {
  composer.on("send", (written) => {
    outbox.add(written);
    if (written.chatId === room.chatId) room.echo();
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
    const own = room.window?.messages.findLast((message) => isOwn(message) && !message.deleted && !message.hidden);
    if (own) composer.edit(own);
  });
  composer.on("typing", () => gateway.tell("typing", { chat_id: room.chatId }));

  outbox.on("saved", ({ chatId, seq, revision }) => {
    receipts.wrote(chatId, seq);
    setTimeout(() => sync.hearHead(chatId, revision), SHOWN_WITHIN_MS);
  });
  outbox.on("refused", ({ chatId }) => {
    if (store.chats.get(chatId)?.kind === "direct") lookAgain(store, chatId);
  });
  // Seen with our own eyes, by whichever way it came.
  store.on("messages", ({ chatId }) => {
    const isThere = (/** @type {string} */ id) => store.windows.get(chatId)?.messages.some((message) => message.client_message_id === id && isOwn(message));
    for (const { client_message_id: id } of outbox.of(chatId)) if (isThere(id)) outbox.settle(id);
  });

  /** @param {import("./types.js").Message} message */
  function isOwn(message) {
    return message.sender.id === store.me.id;
  }
}
