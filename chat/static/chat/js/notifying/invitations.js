/** An invitation among the notifications: someone who left a chat is asked back, and accepts or declines. */

import { api } from "../net/api.js";
import { orSay, toast } from "../dom/toasts.js";
import { avatar, el, isolated, tag } from "../dom/dom.js";
import { exactTime, shortMoment } from "../base/format.js";
import { gettext } from "../base/i18n.js";

/**
 * @param {import("../types.js").Notice & {invitation: import("../types.js").Invitation}} notice
 * @param {{drop: () => void, accepted: (chat: any) => void}} actions  `drop` takes it off the list
 */
export function invitationRow(
  { actor, created_at: createdAt, seen, invitation },
  { drop, accepted },
) {
  const answer = async (/** @type {string} */ verb) => {
    for (const button of buttons) button.disabled = true;
    const answered = await orSay(() => api("POST", `invitations/${invitation.id}/${verb}`));
    for (const button of buttons) button.disabled = false;
    if (answered) drop();
    return answered;
  };
  const accept = async () => {
    const answered = await answer("accept");
    if (answered) accepted(answered.chat);
  };
  const decline = async () => {
    if (await answer("decline")) toast(gettext("Declined."));
  };
  const buttons = [
    el("button.button.small.primary", { onclick: accept }, gettext("Come back")),
    el("button.button.small", { onclick: decline }, gettext("Decline")),
  ];
  // Kept apart from our own words, whatever their direction.
  const words = gettext("invites you back to %(chat)s, which you left", {
    chat: `\u2068${invitation.title}\u2069`,
  });
  const until = gettext("Valid until %(time)s", {
    time: exactTime(new Date(invitation.expires_at)),
  });
  return el(
    `div.row${seen ? "" : ".unread"}`,
    {},
    avatar(actor),
    el(
      "span.body",
      {},
      el(
        "span.line",
        {},
        el(
          "span.name.ellipsis",
          {},
          isolated(actor.name),
          !seen && el("span.unseen", {}, ` ${gettext("(new)")}`),
        ),
        tag(actor),
        el(
          "time",
          { dateTime: createdAt, title: exactTime(new Date(createdAt)) },
          shortMoment(new Date(createdAt), new Date()),
        ),
      ),
      el("span.sub", {}, words),
      el("span.sub", {}, until),
      el("span.choices", {}, ...buttons),
    ),
  );
}
