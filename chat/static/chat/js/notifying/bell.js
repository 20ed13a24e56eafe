/** The bell, with the number of unseen notifications. */

import { byId, el } from "../dom/dom.js";
import { badge } from "../base/format.js";
import { gettext, ngettext } from "../base/i18n.js";
import { later } from "../dom/later.js";

/**
 * @param {import("./notifications.js").Notifications} notifications @param {import("../state/store.js").Store} store
 * @param {(path: string) => void} open @param {(chat: any) => void} accepted  an invitation to this chat
 */
export function keepBell(notifications, store, open, accepted) {
  const bell = byId("bell");
  const count = el("span.badge", { "aria-hidden": "true" });
  bell.append(count);
  const show = () => {
    const unseen = notifications.count;
    count.hidden = !unseen;
    count.textContent = badge(unseen);
    const label = unseen
      ? ngettext("Notifications, %(count)s new", "Notifications, %(count)s new", unseen)
      : gettext("Notifications");
    bell.title = label;
    bell.setAttribute("aria-label", label);
  };
  bell.addEventListener("click", () =>
    later(
      () => import("./notification-list.js"),
      ({ showNotifications }) => showNotifications(notifications, store, open, accepted),
    ),
  );
  notifications.on("changed", show);
  show();
}
