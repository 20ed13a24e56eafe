/** Switches the browser's own notifications (ringer.js) on and off. */

import { gettext } from "../base/i18n.js";
import { WANTED, notifies } from "./ringer.js";

/** On or off; asks the browser the first time. @returns {Promise<string>} how it is now, in words */
export async function switchNotifications() {
  const wereOn = notifies();
  try {
    localStorage.removeItem(WANTED);
    if (wereOn) return gettext("Notifications are off.");
    if ((await Notification.requestPermission()) !== "granted")
      return gettext(
        "The browser does not allow notifications here. Allow them in its settings for this site.",
      );
    // Some phones allow them and yet show none from a page: better to learn it now.
    new Notification("Webchat", { tag: "webchat", silent: true }).close();
    localStorage.setItem(WANTED, "on");
    return gettext("Notifications are on while you are looking elsewhere.");
  } catch {
    return gettext(
      "This browser does not show notifications from pages. Watch the numbers in the page title instead.",
    );
  }
}
