/** What was sent to an outgoing webhook, and what came of it. */

import { api } from "../net/api.js";
import { openDialog } from "../dom/dialogs.js";
import { orSay } from "../dom/toasts.js";
import { loadedList } from "../dom/loaded-list.js";
import { el, icon, iconButton } from "../dom/dom.js";
import { dayHeading, exactTime, timeOfDay } from "../base/format.js";
import { gettext, language, ngettext } from "../base/i18n.js";

const milliseconds = new Intl.NumberFormat(language, { style: "unit", unit: "millisecond" });
// Only what was written in a chat can be sent again.
const TEST = "webhook.test";

/** @typedef {import("../types.js").Delivery} Delivery */

/** What was sent to an outgoing webhook, newest first, and what came of it. @param {string} path @param {string} name */
export function showDeliveries(path, name) {
  const list = loadedList(el("ul.entries", { "aria-label": gettext("Deliveries") }), {
    none: gettext("Nothing has been sent yet, or it was long ago."),
    name: "deliveries",
    read: (before) => api("GET", path + (before ? `?before=${before}` : "")),
    row: (delivery) => deliveryRow(path, delivery),
  });
  const again = el(
    "button.button.small",
    { onclick: () => list.load() },
    icon("history"),
    gettext("Refresh"),
  );
  openDialog(gettext("Deliveries to %(name)s", { name }), [again, list.node]);
}

/** @param {string} path @param {Delivery} delivery */
function deliveryRow(path, delivery) {
  const moment = new Date(delivery.created_at);
  const when = el(
    "time",
    { dateTime: delivery.created_at, title: exactTime(moment) },
    `${dayHeading(moment, new Date())}, ${timeOfDay(moment)}`,
  );
  const state = el("small", { role: "status" });
  const show = (/** @type {Delivery} */ now) => {
    state.textContent = [
      deliveryWords(now),
      now.attempts && ngettext("%(count)s try", "%(count)s tries", now.attempts),
      outcomeWords(now),
    ]
      .filter(Boolean)
      .join(" · ");
    state.classList.toggle("danger", Boolean(now.error));
  };
  show(delivery);
  return el(
    "li",
    {},
    el("span.grow", {}, when, el("small", { dir: "ltr" }, delivery.type), state),
    delivery.type !== TEST &&
      iconButton("send", gettext("Send again"), async () => {
        const answer = await orSay(() => api("POST", `${path}/${delivery.id}/again`));
        if (answer) show(answer.delivery);
      }),
  );
}

/** @param {Delivery} delivery */
function deliveryWords({ status, attempts, next_attempt_at: next }) {
  if (status === "delivered") return gettext("Delivered");
  if (status === "given_up") return gettext("Given up");
  return attempts && next
    ? gettext("Waiting, next try at %(time)s", { time: timeOfDay(new Date(next)) })
    : gettext("Waiting");
}

/** What the last try came to: the answer, how long it took, and what was wrong. @param {Delivery} delivery */
export function outcomeWords({ response_status: status, milliseconds: took, error }) {
  return [
    status && gettext("status %(status)s", { status }),
    took !== null && milliseconds.format(took),
    error,
  ]
    .filter(Boolean)
    .join(" · ");
}
