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
  #shown = "";

  /** @param {import("./gateway.js").Gateway} gateway */
  constructor(gateway) {
    this.#gateway = gateway;
    gateway.on("state", () => this.#changed());
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
    const { state } = this.#gateway;
    const isOver = state === "online";
    const isFinal = state === "signed-out" || state === "not-allowed";
    this.#node.hidden = isOver || (!isFinal && Date.now() - this.#since < QUIET_MS);
    if (this.#node.hidden) {
      this.#shown = "";
      return;
    }
    const [text, action] = this.#words(state);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#node.replaceChildren(el("span", {}, text), ...(action ? [action] : []));
  }

  /** @param {string} state @returns {[string, ?Node]} */
  #words(state) {
    if (state === "signed-out") {
      const address = `/sign-in?next=${encodeURIComponent(location.pathname)}`;
      return [gettext("You are signed out. What you have written is kept."), el("a", { href: address }, gettext("Sign in"))];
    }
    if (state === "not-allowed") {
      return [gettext("The server does not let this page in. It was opened under another address than the server expects."), null];
    }
    if (state === "polling") return [gettext("The direct connection is blocked here. Messages come with a few seconds' delay."), null];
    const now = el("button.link", { type: "button", onclick: () => this.#gateway.reconnectNow() }, gettext("Try now"));
    if (!navigator.onLine) return [gettext("You are offline. What you write is sent when the connection is back."), null];
    const seconds = Math.ceil((this.#gateway.retryAt - Date.now()) / 1000);
    if (state === "connecting" || seconds <= 0) return [gettext("Connecting…"), null];
    return [ngettext("No connection. Next try in %(count)s second.", "No connection. Next try in %(count)s seconds.", seconds), now];
  }
}
