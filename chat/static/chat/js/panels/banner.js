/** Says that there is no connection, when it will be tried again, and what can be done. */

import { byId, el } from "../dom/dom.js";
import { gettext, ngettext } from "../base/i18n.js";

// A short break is not worth mentioning.
const QUIET_MS = 2000;

export class Banner {
  #node = byId("banner");
  #gateway;
  #since = 0;
  #timer = 0;
  /** Why the server closed the connection, if it said so: in its last frame. @type {string|undefined} */
  #said;
  #text = el("span");
  /** Visual only: nobody wants to hear every second read aloud. */
  #count = el("span", { "aria-hidden": "true" });
  #action = el("a", {}, gettext("Sign in"));
  #now = el("button.link", { onclick: () => this.#gateway.reconnectNow() }, gettext("Try now"));

  /** @param {import("../net/gateway.js").Gateway} gateway */
  constructor(gateway) {
    this.#gateway = gateway;
    this.#node.append(this.#text, this.#count, this.#action, this.#now);
    gateway.on("state", () => this.#changed());
    gateway.on("frame", ({ detail }) => (this.#said = detail));
    addEventListener("offline", () => this.#changed());
    addEventListener("online", () => this.#changed());
  }

  #changed() {
    if (this.#gateway.state === "online") this.#since = 0;
    else this.#since ||= Date.now();
    clearInterval(this.#timer);
    if (this.#since) this.#timer = setInterval(() => this.#show(), 250);
    this.#show();
  }

  #show() {
    const { state, isOver } = this.#gateway;
    this.#node.hidden = state === "online" || (!isOver && Date.now() - this.#since < QUIET_MS);
    if (this.#node.hidden) return say(this.#text, "");
    this.#action.hidden = state !== "signed-out";
    this.#action.href = `/sign-in?next=${encodeURIComponent(location.pathname)}`;
    this.#now.hidden = isOver || state === "polling" || !navigator.onLine;
    say(this.#text, this.#words(state));
    say(this.#count, this.#now.hidden ? "" : this.#countdown());
  }

  /** @param {string} state */
  #words(state) {
    if (state === "signed-out")
      return gettext("You are signed out. What you have written is kept.");
    if (state === "not-allowed")
      return gettext(
        "The server does not accept this page: it was opened at an address that the server does not expect.",
      );
    if (state === "polling")
      return gettext(
        "The direct connection is blocked here. Messages arrive with a delay of a few seconds.",
      );
    return navigator.onLine
      ? this.#said || gettext("No connection.")
      : gettext("You are offline. What you write will be sent when the connection is back.");
  }

  #countdown() {
    const seconds = Math.ceil((this.#gateway.retryAt - Date.now()) / 1000);
    if (this.#gateway.state === "connecting" || seconds <= 0) return gettext("Connecting…");
    return ngettext("Next try in %(count)s second.", "Next try in %(count)s seconds.", seconds);
  }
}

/** Text that is already shown is not announced again. @param {HTMLElement} node @param {string} text */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
