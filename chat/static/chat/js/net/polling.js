/**
 * What the socket tells of, over plain HTTP: slower, complete.
 *
 * Emits "frame" like the socket: {type: "chats", user, chats,
 * notifications} each few seconds; "failed"; "signed-out", also when somebody else is signed in now.
 */

import { Emitter } from "../base/emitter.js";
import { api, isSignedOut } from "./api.js";

const SEEN_MS = 3000;
const UNSEEN_MS = 20_000;

export class Polling extends Emitter {
  isOn = false;
  #userId;
  #timer = 0;
  /** Only the rounds of the newest start go on. */
  #started = 0;

  /** @param {number} userId */
  constructor(userId) {
    super();
    this.#userId = userId;
  }

  start() {
    if (this.isOn) return;
    this.isOn = true;
    this.#round((this.#started += 1));
  }

  stop() {
    this.isOn = false;
    this.#started += 1;
    clearTimeout(this.#timer);
  }

  /** @param {number} started */
  async #round(started) {
    const answer = await api("GET", "chats").catch((error) => error);
    if (started !== this.#started) return;
    if (isSignedOut(answer, this.#userId)) this.emit("signed-out");
    else if (answer.chats) this.emit("frame", { ...answer, type: "chats" });
    else this.emit("failed");
    if (started === this.#started)
      this.#timer = setTimeout(() => this.#round(started), document.hidden ? UNSEEN_MS : SEEN_MS);
  }
}
