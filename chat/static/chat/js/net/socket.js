/**
 * The WebSocket: opens it, keeps it open, matches replies with requests.
 *
 * Emits "frame" (what the server said), and "state" when that is another one of: connecting, online, waiting,
 * signed-out, not-allowed. Decides nothing about chats.
 */

import { RequestError, api, isSignedOut, offlineError } from "./api.js";
import { delayBefore } from "../base/backoff.js";
import { Emitter } from "../base/emitter.js";
import { gettext, language } from "../base/i18n.js";

const REPLY_MS = 15_000;
const WELCOME_MS = 15_000;
// The server sends something every 20–25 s; after this long without a frame the connection is dead.
const SILENCE_MS = 60_000;
const FRAMES_PER_SECOND = 20;
const Close = {
  restarting: 1012,
  unavailable: 1013,
  signedOut: 4401,
  notAllowed: 4403,
  tooMuch: 4429,
};
/** What a close asks for, where no goodbye has asked for more. @type {Record<number, number>} */
const LEAST_RETRY_MS = {
  [Close.restarting]: 1000,
  [Close.unavailable]: 3000,
  [Close.tooMuch]: 5000,
};

export class Socket extends Emitter {
  state = "connecting";
  retryAt = 0;
  /** How often in a row it could not even be opened. */
  failedToOpen = 0;
  /** @type {?WebSocket} */
  #socket = null;
  #attempt = 0;
  #requests = new Map();
  #nextRequest = 1;
  #retryTimer = 0;
  #deadline = 0;
  #leastRetryMs = 0;
  /** @type {string[]} */
  #queue = [];
  #sentLately = 0;
  #userId;

  /** @param {number} userId */
  constructor(userId) {
    super();
    this.#userId = userId;
  }

  start() {
    addEventListener("online", () => this.reconnectNow());
    addEventListener("offline", () => this.#socket && this.#drop(0));
    addEventListener("pageshow", (event) => event.persisted && this.reconnectNow());
    document.addEventListener("visibilitychange", () => !document.hidden && this.#prove());
    setInterval(() => this.#refill(), 1000);
    this.#open();
  }

  /** Nothing more can be done here without signing in. */
  signOut() {
    this.#drop(Close.signedOut);
  }

  /** Skips the wait. */
  reconnectNow() {
    if (this.state === "waiting") this.#open();
  }

  /**
   * @param {string} type @param {object} [fields]
   * @returns {Promise<any>}
   */
  request(type, fields = {}) {
    if (this.state !== "online") return Promise.reject(offlineError());
    const requestId = String(this.#nextRequest++);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#requests.delete(requestId);
        reject(new RequestError("timeout", gettext("The server is not responding. Try again.")));
      }, REPLY_MS);
      this.#requests.set(requestId, { resolve, reject, timer });
      this.#transmit({ type, request_id: requestId, ...fields });
    });
  }

  /** Without an answer; dropped when there is no connection. @param {string} type @param {object} fields */
  tell(type, fields) {
    if (this.state === "online") this.#transmit({ type, ...fields });
    return this.state === "online";
  }

  #open() {
    clearTimeout(this.#retryTimer);
    this.#setState("connecting");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    let hasOpened = false;
    const socket = new WebSocket(`${scheme}://${location.host}/ws/?lang=${language}`);
    this.#socket = socket;
    this.#expect(WELCOME_MS);
    socket.onopen = () => {
      hasOpened = true;
    };
    socket.onmessage = (event) => this.#socket === socket && this.#receive(event.data);
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      if (!hasOpened) this.failedToOpen += 1;
      this.#closed(event.code);
    };
  }

  /** @param {string} data */
  #receive(data) {
    this.#expect(SILENCE_MS);
    for (const line of data.split("\n")) {
      if (line && this.#socket) this.#handle(JSON.parse(line));
    }
  }

  /** @param {any} frame */
  #handle(frame) {
    if (frame.type === "reply" || frame.type === "error") {
      const request = this.#requests.get(frame.request_id);
      if (!request) return;
      this.#requests.delete(frame.request_id);
      clearTimeout(request.timer);
      if (frame.type === "reply") request.resolve(frame);
      else request.reject(new RequestError(frame.code, frame.detail, frame.retry_after));
      return;
    }
    if (frame.type === "welcome") {
      // Somebody else has signed in meanwhile: nothing of this page may go out under their name.
      if (isSignedOut(frame, this.#userId)) return this.signOut();
      this.#attempt = 0;
      this.failedToOpen = 0;
      this.#leastRetryMs = 0;
      this.#setState("online");
    }
    if (frame.type === "goodbye") this.#leastRetryMs = (frame.retry_after ?? 0) * 1000;
    // Answered: a socket that stays silent is taken for dead.
    if (frame.type === "heads") this.tell("ping", { request_id: "alive" });
    this.emit("frame", frame);
  }

  /** @param {number} code */
  #closed(code) {
    this.#socket = null;
    clearTimeout(this.#deadline);
    clearTimeout(this.#retryTimer);
    this.#queue = [];
    for (const request of this.#requests.values()) {
      clearTimeout(request.timer);
      request.reject(offlineError());
    }
    this.#requests.clear();
    if (code === Close.signedOut) return this.#setState("signed-out");
    if (code === Close.notAllowed) return this.#setState("not-allowed");
    this.#leastRetryMs = Math.max(this.#leastRetryMs, LEAST_RETRY_MS[code] ?? 0);
    // A refused handshake has no close code of ours: ask why.
    if (this.failedToOpen % 3 === 2) this.#askWhetherSignedIn();
    const delay = delayBefore(this.#attempt++, this.#leastRetryMs);
    this.retryAt = Date.now() + delay;
    this.#retryTimer = setTimeout(() => this.#open(), delay);
    this.#setState("waiting");
  }

  async #askWhetherSignedIn() {
    const answer = await api("GET", "me").catch((error) => error);
    if (isSignedOut(answer, this.#userId)) this.signOut();
  }

  /** Gives the connection up without waiting for the other side. @param {number} code */
  #drop(code) {
    const socket = this.#socket;
    this.#closed(code);
    socket?.close();
  }

  /** Back on screen: after sleep the connection may be dead without notice. */
  #prove() {
    this.reconnectNow();
    if (this.state === "online") {
      this.#expect(5000);
      this.tell("ping", { request_id: "alive" });
    }
  }

  /** @param {number} ms */
  #expect(ms) {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#drop(0), ms);
  }

  /** @param {object} frame */
  #transmit(frame) {
    this.#queue.push(JSON.stringify(frame));
    this.#flush();
  }

  #flush() {
    while (this.#queue.length && this.#sentLately < FRAMES_PER_SECOND) {
      this.#sentLately += 1;
      this.#socket?.send(/** @type {string} */ (this.#queue.shift()));
    }
  }

  #refill() {
    this.#sentLately = 0;
    this.#flush();
  }

  /** @param {string} state */
  #setState(state) {
    this.state = state;
    this.emit("state");
  }
}
