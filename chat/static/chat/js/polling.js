/**
 * The same over plain HTTP, for where sockets are blocked: slower, complete.
 *
 * Emits "frame" like the socket: {type: "chats", chats, notifications} each few seconds; requests of the wire contract
 * are turned into the routes that do the same.
 */

import { RequestError, api } from "./api.js";
import { Emitter } from "./emitter.js";
import { gettext } from "./i18n.js";

const SEEN_MS = 3000;
const UNSEEN_MS = 20_000;

/** @type {Record<string, (f: any) => Promise<any>>} */
const ROUTES = {
  "message.send": ({ chat_id, ...body }) => api("POST", `chats/${chat_id}/messages`, body),
  "message.edit": ({ message_id, content }) => api("PATCH", `messages/${message_id}`, { content }),
  "message.delete": ({ message_id }) => api("DELETE", `messages/${message_id}`),
  "reaction.set": ({ message_id, emoji, on }) => api("PUT", `messages/${message_id}/reactions`, { emoji, on }),
  "chat.sync": ({ chat_id, revision }) => api("GET", `chats/${chat_id}/changes?after=${revision}`),
  "chat.history": ({ chat_id, ...where }) => api("GET", `chats/${chat_id}/messages?${new URLSearchParams(where)}`),
  receipt: ({ chat_id, ...cursors }) => api("POST", `chats/${chat_id}/receipts`, cursors),
  typing: () => Promise.resolve({}),
};

/** @param {string} type @param {any} fields */
export function requestOverHttp(type, fields) {
  const route = ROUTES[type];
  if (!route) return Promise.reject(new RequestError("unknown_type", gettext("That did not work. Load the page again and repeat it.")));
  return route(fields);
}

export class Polling extends Emitter {
  isOn = false;
  #timer = 0;

  start() {
    if (this.isOn) return;
    this.isOn = true;
    this.#round();
  }

  stop() {
    this.isOn = false;
    clearTimeout(this.#timer);
  }

  async #round() {
    try {
      const standing = await api("GET", "chats");
      if (this.isOn) this.emit("frame", { type: "chats", ...standing });
    } catch (error) {
      if (/** @type {RequestError} */ (error).code === "signed_out") this.emit("signed-out");
      if (this.isOn) this.emit("failed");
    }
    if (this.isOn) this.#timer = setTimeout(() => this.#round(), document.hidden ? UNSEEN_MS : SEEN_MS);
  }
}
