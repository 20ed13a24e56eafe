/** Words that can no longer be sent: nowhere else are they, so they stay until their writer lets them go. */

import { gettext } from "../base/i18n.js";
import { openDialog } from "../dom/dialogs.js";
import { copy } from "../dom/toasts.js";
import { el } from "../dom/dom.js";
import { lineOf } from "../messages/attachments.js";

/** @typedef {import("../types.js").UnsentMessage} UnsentMessage */

/** @param {string} title @param {UnsentMessage[]} items @param {(item: UnsentMessage) => void} discard */
export function handBack(title, items, discard) {
  const text = items.map((item) => item.content).join("\n\n");
  const discardAll = () => {
    for (const item of items) discard(item);
    dialog.close();
  };
  const lines = items.map((item) => el("p.note", { dir: "auto" }, lineOf(item)));
  const dialog = openDialog(
    title,
    [el("p", {}, gettext("This was not sent:")), ...lines],
    [
      el("button.button", { onclick: () => copy(text) }, gettext("Copy the text")),
      el("button.button", { onclick: discardAll }, gettext("Discard")),
    ],
  );
}
