/** Says that there is no connection, when it will be tried again, and what can be done. */

import { byId, el } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";

// A short break is nobody's concern.
const QUIET_MS = 2000;

export class Banner {
  #node = byId("banner");
  #gateway;
  #since = 0;
  #timer = 0;
  /** Why the server closed the line, if it said so: nothing comes after it. @type {string|undefined} */
  #said;
  #text = el("span");
  /** For the eyes alone: nobody wants to hear every second of it. */
  #count = el("span", { "aria-hidden": "true" });
  #action = el("a", {}, gettext("Sign in"));
  #now = el("button.link", { onclick: () => this.#gateway.reconnectNow() }, gettext("Try now"));

  /** @param {import("./gateway.js").Gateway} gateway */
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
    if (state === "signed-out") return gettext("You are signed out. What you have written is kept.");
    if (state === "not-allowed") return gettext("The server does not let this page in. It was opened under another address than the server expects.");
    if (state === "polling") return gettext("The direct connection is blocked here. Messages come with a few seconds' delay.");
    return navigator.onLine ? this.#said || gettext("No connection.") : gettext("You are offline. What you write is sent when the connection is back.");
  }

  #countdown() {
    const seconds = Math.ceil((this.#gateway.retryAt - Date.now()) / 1000);
    if (this.#gateway.state === "connecting" || seconds <= 0) return gettext("Connecting…");
    return ngettext("Next try in %(count)s second.", "Next try in %(count)s seconds.", seconds);
  }
}

/** What stands there already is not said again. @param {HTMLElement} node @param {string} text */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
