/** A row of the outgoing webhooks: an address that is told what is written in the chat. */

import { api } from "../net/api.js";
import { confirmed } from "../dom/dialogs.js";
import { orSay } from "../dom/toasts.js";
import { el, iconButton, isolated } from "../dom/dom.js";
import { badge, shortMoment } from "../base/format.js";
import { gettext, ngettext } from "../base/i18n.js";
import { dangerous, entry, openMenu } from "../dom/menu.js";
import { outcomeWords, showDeliveries } from "./deliveries.js";
import { pausedWords, say, showSecret, takeOverButton } from "./webhook-parts.js";

/** @typedef {import("../types.js").Webhook} Webhook */

/** @param {string} path @param {Webhook} webhook @param {() => void} drop */
export const outgoingRow = (path, webhook, drop) => new OutgoingWebhook(path, webhook, drop).node;

class OutgoingWebhook {
  #path;
  #webhook;
  #drop;
  #state = el("small");
  #told = el("small", { role: "status" });
  #takeOver;
  #more;
  node;

  /** @param {string} path @param {Webhook} webhook @param {() => void} drop */
  constructor(path, webhook, drop) {
    const { name, url } = webhook;
    this.#path = path;
    this.#webhook = webhook;
    this.#drop = drop;
    this.#takeOver = this.#takeOverButton();
    const label = gettext("More about %(name)s", { name });
    this.#more = iconButton("more", label, (event) => this.#menu(event.currentTarget), {
      "aria-haspopup": "menu",
    });
    const address = el("small", { dir: "ltr" }, url);
    this.node = el(
      "li",
      {},
      el("span.grow", {}, isolated(name), address, this.#state, this.#told, this.#takeOver),
      this.#more,
    );
    this.#show(webhook);
  }

  /** @param {Webhook} now */
  #show(now) {
    this.#webhook = now;
    say(this.#state, stateWords(now), now.failing_since || now.switched_off_reason || now.paused);
    this.#takeOver.hidden = !now.paused;
  }

  /** @param {HTMLElement} button */
  #menu(button) {
    const { name, is_active: isActive } = this.#webhook;
    openMenu(button, [
      entry(gettext("Send a test"), "send", () => this.#test()),
      entry(gettext("Deliveries"), "history", () =>
        showDeliveries(`${this.#path}/deliveries`, name),
      ),
      entry(isActive ? gettext("Switch off") : gettext("Switch on"), "power", () => this.#turn()),
      entry(gettext("New secret"), "key", () => this.#rotate()),
      dangerous(gettext("Delete"), "trash", () => this.#remove()),
    ]);
  }

  #takeOverButton() {
    const { name, url } = this.#webhook;
    const means = gettext(
      "You will be responsible for it: what is written here goes to %(url)s, signed with a new secret. If you do not recognise that address, delete it instead.",
      { url },
    );
    return takeOverButton(this.#path, name, means, (answer) => {
      this.#show(answer.webhook);
      this.#more.focus();
      showSecret(answer);
    });
  }

  /** @param {string} method @param {string} [rest]  of the path @param {object} [body] */
  #ask(method, rest = "", body = undefined) {
    return orSay(() => api(method, this.#path + rest, body));
  }

  async #test() {
    say(this.#told, gettext("Sending a test…"));
    const answer = await this.#ask("POST", "/test");
    if (!answer) return say(this.#told, "");
    const outcome = outcomeWords(answer.delivery);
    const { error } = answer.delivery;
    const text = error
      ? gettext("The test failed: %(outcome)s", { outcome })
      : gettext("The test arrived: %(outcome)s", { outcome });
    say(this.#told, text, error);
  }

  async #turn() {
    const answer = await this.#ask("PATCH", "", { is_active: !this.#webhook.is_active });
    if (answer) this.#show(answer.webhook);
  }

  async #rotate() {
    const isSure = await confirmed({
      title: gettext("Create a new secret?"),
      text: gettext("Give the receiver the new one: from now on everything is signed with it."),
      action: gettext("New secret"),
    });
    const answer = isSure && (await this.#ask("POST", "/secret"));
    if (answer) showSecret(answer);
  }

  async #remove() {
    const isSure = await confirmed({
      title: gettext("Delete %(name)s?", { name: this.#webhook.name }),
      text: gettext(
        "Waiting deliveries will not be sent, and the list of deliveries will be deleted.",
      ),
      action: gettext("Delete"),
    });
    if (isSure && (await this.#ask("DELETE"))) this.#drop();
  }
}

/** @param {Webhook} webhook */
function stateWords({
  is_active: isActive,
  failing_since: since,
  switched_off_reason: reason,
  waiting,
  paused,
}) {
  const off = reason ? gettext("Switched off: %(reason)s", { reason }) : gettext("Switched off");
  const on = since
    ? gettext("Failing since %(time)s", { time: shortMoment(new Date(since), new Date()) })
    : gettext("On");
  const queue = waiting
    ? ngettext("%(count)s waiting", "%(count)s waiting", waiting, { count: badge(waiting) })
    : "";
  return [isActive ? !paused && on : off, pausedWords({ paused }), queue]
    .filter(Boolean)
    .join(" · ");
}
