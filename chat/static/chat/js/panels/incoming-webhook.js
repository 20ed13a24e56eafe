/** A row of the incoming webhooks: an address that lets a program write to the chat. */

import { api } from "../net/api.js";
import { confirmed } from "../dom/dialogs.js";
import { orSay } from "../dom/toasts.js";
import { el, iconButton, isolated } from "../dom/dom.js";
import { shortMoment } from "../base/format.js";
import { gettext } from "../base/i18n.js";
import { pausedWords, say, showAddress, takeOverButton } from "./webhook-parts.js";

/** @typedef {import("../types.js").IncomingWebhook} IncomingWebhook */

/** @param {string} path @param {IncomingWebhook} webhook @param {() => void} drop */
export function incomingRow(path, webhook, drop) {
  const { name, last_used_at: usedAt } = webhook;
  const used = usedAt
    ? gettext("Last used: %(time)s", { time: shortMoment(new Date(usedAt), new Date()) })
    : gettext("Not used yet");
  const state = el("small");
  const show = (/** @type {IncomingWebhook} */ now) => {
    say(state, [pausedWords(now), used].filter(Boolean).join(" · "), now.paused);
    takeOver.hidden = !now.paused;
  };
  const means = gettext(
    "You will be responsible for it. It gets a new address; the old one, which others may know, stops working.",
  );
  const takeOver = takeOverButton(path, name, means, (answer) => {
    show(answer.webhook);
    revoke.focus();
    showAddress(answer);
  });
  const revoke = iconButton("trash", gettext("Revoke %(name)s", { name }), async () => {
    const text = gettext("Its address stops working immediately. Its messages stay.");
    if (
      !(await confirmed({
        title: gettext("Revoke %(name)s?", { name }),
        text,
        action: gettext("Revoke"),
      }))
    )
      return;
    if (await orSay(() => api("DELETE", path))) drop();
  });
  show(webhook);
  return el("li", {}, el("span.grow", {}, isolated(name), state, takeOver), revoke);
}
