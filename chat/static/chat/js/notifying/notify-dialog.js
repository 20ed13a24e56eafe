/** The dialog that says what a chat notifies of, and for how long of nothing. */

import { shortMoment, timeOfDay } from "../base/format.js";
import { gettext } from "../base/i18n.js";
import { openDialog } from "../dom/dialogs.js";
import { orSay } from "../dom/toasts.js";
import { el } from "../dom/dom.js";
import { api } from "../net/api.js";
import { isMuted } from "../state/notify-level.js";

/** @typedef {import("../types.js").Chat} Chat */
/** @typedef {{level?: string, mute_minutes?: ?number}} Choice */

const HOUR = 60;
// A hundred years.
const FOR_GOOD = 100 * 365 * 24 * HOUR;

/** @param {import("../state/store.js").Store} store @param {Chat} chat */
export function chooseNotify(store, chat) {
  openDialog(gettext("Notifications in this chat"), [new NotifyChoices(store, chat).node]);
}

class NotifyChoices {
  #store;
  #chat;
  #last = Promise.resolve();
  node = el("div");

  /** @param {import("../state/store.js").Store} store @param {Chat} chat */
  constructor(store, chat) {
    this.#store = store;
    this.#chat = chat;
    this.#draw();
  }

  /** One after the other, each starting from what the one before has made of it: quick presses do not undo each other. @param {Choice} choice */
  #put(choice) {
    this.#last = this.#last.then(() => orSay(() => this.#send(choice))).then(() => this.#draw());
  }

  /** @param {Choice} choice */
  async #send(choice) {
    const { chat, until } = this.#now;
    const left = until && Math.max(1, Math.round((until.getTime() - Date.now()) / 60_000));
    const wanted = { level: chat.notify, mute_minutes: left, ...choice };
    this.#store.update(chat.id, await api("PUT", `chats/${chat.id}/notify`, wanted));
  }

  /** The chat as it is, and until when it is muted. */
  get #now() {
    const chat = this.#store.chats.get(this.#chat.id) ?? this.#chat;
    return { chat, until: isMuted(chat) ? new Date(chat.muted_until ?? 0) : null };
  }

  #draw() {
    const { until } = this.#now;
    const { activeElement } = document;
    const pressed = /** @type {?HTMLInputElement} */ (
      this.node.contains(activeElement) ? activeElement : null
    );
    this.node.replaceChildren(
      this.#levels(),
      el("p.label", {}, until ? mutedWords(until) : gettext("Mute for a while")),
      el("div.choices", {}, ...this.#mutes(until)),
    );
    // What was just pressed is gone, or redrawn.
    if (pressed)
      this.node.querySelector(pressed.value ? `[value=${pressed.value}]` : "button")?.focus();
  }

  #levels() {
    const isMany = this.#chat.kind !== "direct";
    return el(
      "fieldset",
      {},
      el("legend.unseen", {}, gettext("Notify me about")),
      this.#level(
        "all",
        gettext("Every message"),
        gettext("Including those that do not mention you."),
      ),
      isMany &&
        this.#level(
          "mentions",
          gettext("Mentions and replies"),
          gettext("Only what is addressed to you."),
        ),
      this.#level("nothing", gettext("Nothing"), gettext("Unread messages are still counted.")),
    );
  }

  /** @param {string} level @param {string} name @param {string} text */
  #level(level, name, text) {
    const checked = this.#now.chat.notify === level;
    const onchange = () => this.#put({ level });
    return el(
      "label.choice",
      {},
      el("input", { type: "radio", name: "level", value: level, checked, onchange }),
      el("span", {}, name, el("small", {}, text)),
    );
  }

  /** @param {?Date} until */
  #mutes(until) {
    const mute = (/** @type {?number} */ minutes, /** @type {string} */ label) =>
      el("button.button.small", { onclick: () => this.#put({ mute_minutes: minutes }) }, label);
    if (until) return [mute(null, gettext("Unmute"))];
    return [
      mute(HOUR, gettext("For an hour")),
      mute(8 * HOUR, gettext("For 8 hours")),
      mute(FOR_GOOD, gettext("Until I unmute it")),
    ];
  }
}

/** @param {Date} until */
function mutedWords(until) {
  const now = new Date();
  if (until.getFullYear() > now.getFullYear() + 1) return gettext("Muted until you unmute it");
  const isSoon = until.getTime() - now.getTime() < 12 * 3_600_000;
  return gettext("Muted until %(time)s", {
    time: isSoon ? timeOfDay(until) : shortMoment(until, now),
  });
}
