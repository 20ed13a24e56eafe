/** The dialog of a chat's invite links: makes them, copies them, takes them back. */

import { api } from "./api.js";
import { copy, openDialog, orSay } from "./dialogs.js";
import { el, icon, iconButton, isolated } from "./dom.js";
import { exactTime } from "./format.js";
import { gettext, ngettext, number } from "./i18n.js";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** @typedef {{id: number, path: string, created_by: import("./types.js").Sender, expires_at: ?string, most_uses: ?number, uses: number}} Invite */

/** @param {import("./types.js").Chat} chat */
export async function showInvites(chat) {
  const path = `chats/${chat.id}/invites`;
  const found = await orSay(() => api("GET", path));
  if (!found) return;
  const seconds = choice("invite-seconds", gettext("Works for"), [[DAY * 7, gettext("7 days")], [DAY, gettext("1 day")], [HOUR, gettext("1 hour")], [0, gettext("as long as it is not taken back")]]);
  const uses = choice("invite-uses", gettext("Can be used"), [[0, gettext("by everybody who has it")], [1, gettext("once")], [10, gettext("10 times")]]);
  const list = el("ul.invites", { "aria-label": gettext("Links that work") });
  const none = el("p.hint", {}, gettext("No link works now. Whoever has a link can join, so give it only to those who may."));
  const form = el("form", { id: "make-invite" }, seconds, uses);
  const make = el("button.button.primary", { type: "submit" }, gettext("Make a link and copy it"));
  make.setAttribute("form", form.id);

  const show = (/** @type {Invite} */ invite) => {
    const row = el("li", {}, icon("link"),
      el("span.grow", {}, el("span", {}, inWords(invite)), el("small.role", {}, gettext("made by "), isolated(invite.created_by.name))),
      iconButton("copy", gettext("Copy the link"), () => copy(location.origin + invite.path)),
      iconButton("trash", gettext("Take back"), async () => {
        if (!(await orSay(() => api("DELETE", `${path}/${invite.id}`)))) return;
        row.remove();
        none.hidden = list.children.length > 0;
        make.focus();
      }));
    return row;
  };
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    make.disabled = true;
    const chosen = (/** @type {HTMLElement} */ field) => Number(field.querySelector("select")?.value) || null;
    const answer = await orSay(() => api("POST", path, { seconds: chosen(seconds), most_uses: chosen(uses) }));
    make.disabled = false;
    if (!answer) return;
    list.prepend(show(answer.invite));
    none.hidden = true;
    copy(location.origin + answer.invite.path);
  });
  list.append(...found.invites.map(show));
  none.hidden = found.invites.length > 0;
  openDialog(gettext("Invite by link"), [form, none, list], [make]);
}

/** @param {string} id @param {string} label @param {Array<[number, string]>} choices */
function choice(id, label, choices) {
  return el("div.field", {}, el("label", { htmlFor: id }, label), el("select", { id }, ...choices.map(([value, text]) => el("option", { value: String(value) }, text))));
}

/** @param {Invite} invite */
function inWords({ expires_at: expiresAt, most_uses: mostUses, uses }) {
  const used = mostUses ? gettext("used %(uses)s of %(most)s times", { uses: number(uses), most: number(mostUses) }) : ngettext("used %(count)s time", "used %(count)s times", uses);
  return expiresAt ? `${gettext("until %(time)s", { time: exactTime(new Date(expiresAt)) })}, ${used}` : used;
}
