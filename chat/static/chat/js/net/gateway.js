/**
 * The one way to the server: the socket, or polling while sockets are blocked.
 *
 * Emits "frame", "state" (the socket's, or "polling"), and "online" each time that requests can be sent again.
 */

import { api, offlineError } from "./api.js";
import { Emitter } from "../base/emitter.js";
import { Polling } from "./polling.js";
import { Socket } from "./socket.js";

// After this many failures in a row to open the socket, HTTP is used.
const BLOCKED_AFTER = 3;

/** The requests of the wire contract as the routes that do the same. @type {Record<string, (f: any) => Promise<any>>} */
const ROUTES = {
  "message.send": ({ chat_id, ...body }) => api("POST", `chats/${chat_id}/messages`, body),
  "message.edit": ({ message_id, content }) => api("PATCH", `messages/${message_id}`, { content }),
  "message.delete": ({ message_id }) => api("DELETE", `messages/${message_id}`),
  "reaction.set": ({ message_id, emoji, on }) =>
    api("PUT", `messages/${message_id}/reactions`, { emoji, on }),
  "chat.sync": ({ chat_id, revision }) => api("GET", `chats/${chat_id}/changes?after=${revision}`),
  "chat.history": ({ chat_id, ...where }) =>
    api("GET", `chats/${chat_id}/messages?${new URLSearchParams(where)}`),
  receipt: ({ chat_id, ...cursors }) => api("POST", `chats/${chat_id}/receipts`, cursors),
  typing: () => Promise.resolve({}),
};

/** @param {string} type @param {any} fields */
const requestOverHttp = (type, fields) => ROUTES[type](fields);

export class Gateway extends Emitter {
  state = "connecting";
  #socket;
  #polling;

  /** @param {number} userId  whose page this is */
  constructor(userId) {
    super();
    this.#socket = new Socket(userId);
    this.#polling = new Polling(userId);
  }

  start() {
    this.#socket.on("frame", (frame) => this.emit("frame", frame));
    this.#socket.on("state", () => this.#socketChanged());
    this.#polling.on("frame", (frame) => this.#polled(frame));
    this.#polling.on("failed", () => {
      // Not blocked but gone: the socket's own pauses decide when it is tried again.
      this.#polling.stop();
      this.#setState(this.#socket.state);
    });
    this.#polling.on("signed-out", () => this.#socket.signOut());
    this.#socket.start();
  }

  get isOnline() {
    return this.state === "online" || this.state === "polling";
  }

  /** Nothing goes either way any more until the page is opened again. */
  get isOver() {
    return this.state === "signed-out" || this.state === "not-allowed";
  }

  get retryAt() {
    return this.#socket.retryAt;
  }

  reconnectNow() {
    this.#socket.reconnectNow();
  }

  /** @param {string} type @param {object} fields @returns {Promise<any>} */
  request(type, fields) {
    if (this.#socket.state === "online") return this.#socket.request(type, fields);
    // Reading does not wait for the socket, which may still be opening.
    if (this.state === "polling" || type === "chat.history") return requestOverHttp(type, fields);
    return Promise.reject(offlineError());
  }

  /** Without an answer, and lost when offline. @param {string} type @param {object} fields */
  tell(type, fields) {
    if (this.#socket.state === "online") return this.#socket.tell(type, fields);
    if (this.state !== "polling") return false;
    requestOverHttp(type, fields).catch(() => {});
    return true;
  }

  #socketChanged() {
    const { state, failedToOpen } = this.#socket;
    if (state === "waiting" && failedToOpen >= BLOCKED_AFTER) this.#polling.start();
    else if (state !== "waiting" && state !== "connecting") this.#polling.stop();
    if (!this.#polling.isOn || this.state !== "polling") this.#setState(state);
  }

  /** @param {any} frame */
  #polled(frame) {
    // What changed since the first round happened while one was here.
    const isLive = this.state === "polling";
    this.#setState("polling");
    this.emit("frame", { ...frame, isLive });
  }

  /** @param {string} state */
  #setState(state) {
    const wasOnline = this.isOnline;
    this.state = state;
    this.emit("state", state);
    if (this.isOnline && !wasOnline) this.emit("online");
  }
}
