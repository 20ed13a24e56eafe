/** What the rows of outgoing and incoming webhooks share. */

import { api } from "../net/api.js";
import { confirmed, openDialog } from "../dom/dialogs.js";
import { copy, orSay } from "../dom/toasts.js";
import { el } from "../dom/dom.js";
import { gettext } from "../base/i18n.js";

/** @typedef {import("../types.js").Webhook} Webhook */
/** @typedef {import("../types.js").IncomingWebhook} IncomingWebhook */

/** It is shown only once. @param {string} title @param {string} text @param {string} value */
export function showOnce(title, text, value) {
  const button = el("button.button.primary", { onclick: () => copy(value) }, gettext("Copy"));
  openDialog(title, [el("code.once", {}, value), el("p.hint", {}, text)], [button]);
  button.focus();
}

/** @param {{webhook: Webhook, secret: string}} answer */
export function showSecret({ webhook: { name }, secret }) {
  showOnce(
    gettext("The secret of %(name)s", { name }),
    gettext(
      "Copy it now: it will not be shown again. The receiver uses it to check that what arrives was sent from here.",
    ),
    secret,
  );
}

/** @param {{webhook: IncomingWebhook, path: string}} answer */
export function showAddress({ webhook: { name }, path }) {
  showOnce(
    gettext("The address of %(name)s", { name }),
    gettext("Copy it now: it will not be shown again. Anyone who knows it can write here."),
    location.origin + path,
  );
}

/**
 * The way on for what is paused: whoever takes it over is shown its secret or address, once.
 * @param {string} path @param {string} name @param {string} text  what that means @param {(answer: any) => void} taken
 */
export function takeOverButton(path, name, text, taken) {
  return el(
    "button.button.small",
    {
      onclick: async () => {
        if (
          !(await confirmed({
            title: gettext("Take over %(name)s?", { name }),
            text,
            action: gettext("Take over"),
          }))
        )
          return;
        const answer = await orSay(() => api("POST", `${path}/take-over`));
        if (answer) taken(answer);
      },
    },
    gettext("Take over"),
  );
}

/** @param {{paused: ?{detail: string}}} webhook */
export const pausedWords = ({ paused }) =>
  paused ? gettext("Paused: %(reason)s", { reason: paused.detail }) : "";

/** @param {HTMLElement} line @param {string} text @param {any} [isBad] */
export function say(line, text, isBad) {
  line.textContent = text;
  line.classList.toggle("danger", Boolean(isBad));
}
