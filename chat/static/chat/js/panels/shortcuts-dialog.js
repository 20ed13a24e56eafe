/** The dialog that lists the keys (shortcuts.js). */

import { openDialog } from "../dom/dialogs.js";
import { el } from "../dom/dom.js";
import { gettext } from "../base/i18n.js";

export function showShortcuts() {
  const rows = [
    [["Ctrl", "K"], gettext("Find a chat or a person")],
    [["Ctrl", "Shift", "F"], gettext("Search messages")],
    [["Alt", "↑"], gettext("Previous chat")],
    [["Alt", "↓"], gettext("Next chat")],
    [["Enter"], gettext("Send")],
    [["Shift", "Enter"], gettext("New line")],
    [["↑"], gettext("Edit your last message, when the field is empty")],
    [["Esc"], gettext("Cancel an edit or a reply, or go to the newest messages")],
    [["?"], gettext("This list")],
  ];
  const keys = (/** @type {string[]} */ names) =>
    el(
      "dt",
      {},
      ...names.flatMap((name, place) =>
        place ? [" + ", el("kbd", {}, name)] : [el("kbd", {}, name)],
      ),
    );
  openDialog(gettext("Keyboard shortcuts"), [
    el(
      "dl.keys",
      {},
      ...rows.flatMap(([names, text]) => [
        keys(/** @type {string[]} */ (names)),
        el("dd", {}, /** @type {string} */ (text)),
      ]),
    ),
  ]);
}
