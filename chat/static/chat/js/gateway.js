/**
 * The one way to the server: the socket, or polling while sockets are blocked.
 *
 * Emits "frame", "state" ({state, retryAt}) with the socket's states and "polling", and "online" each
 * time that requests can be sent again.
 */

import { offlineError } from "./api.js";
import { Emitter } from "./emitter.js";
import { Polling, requestOverHttp } from "./polling.js";
import { Socket } from "./socket.js";

// So often in a row the socket could not be opened, while HTTP works: take HTTP.
const BLOCKED_AFTER = 3;

export class Gateway extends Emitter {
  state = "connecting";
  #socket = new Socket();
  #polling = new Polling();

  start() {
    this.#socket.on("frame", (frame) => this.emit("frame", frame));
    this.#socket.on("state", () => this.#socketChanged());
    this.#polling.on("frame", (frame) => this.#polled(frame));
    this.#polling.on("failed", () => {
      // Not blocked but gone: the socket's own pauses decide when it is tried again.
      this.#polling.stop();
      this.#setState(this.#socket.state);
    });
    this.#polling.on("signed-out", () => this.#setState("signed-out"));
    this.#socket.start();
  }

  get isOnline() {
    return this.state === "online" || this.state === "polling";
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
    if (state === "online") this.#polling.stop();
    else if (state === "waiting" && failedToOpen >= BLOCKED_AFTER) this.#polling.start();
    else if (state === "signed-out" || state === "not-allowed") this.#polling.stop();
    if (this.#polling.isOn && this.state === "polling") return;
    this.#setState(state);
  }

  /** @param {any} frame */
  #polled(frame) {
    if (this.#socket.state === "online") return;
    this.#setState("polling");
    this.emit("frame", frame);
  }

  /** @param {string} state */
  #setState(state) {
    const wasOnline = this.isOnline;
    this.state = state;
    this.emit("state", { state, retryAt: this.retryAt });
    if (this.isOnline && !wasOnline) this.emit("online");
  }
}
