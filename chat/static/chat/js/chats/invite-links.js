/** The dialog of links that let people into a chat. */

import { exactTime } from "../base/format.js";
import { gettext, ngettext, number } from "../base/i18n.js";
import { openDialog } from "../dom/dialogs.js";
import { copy, orSay } from "../dom/toasts.js";
import { el, icon, iconButton, isolated, tag } from "../dom/dom.js";
import { api } from "../net/api.js";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** @typedef {{id: number, path: string, created_by: import("../types.js").Sender, expires_at: ?string, most_uses: ?number, uses: number}} Invite */

/** @param {import("../types.js").Chat} chat */
export async function showInvites({ id }) {
  const path = `chats/${id}/invites`;
  const found = await orSay(() => api("GET", path));
  if (found) new InviteLinks(path).show(found.invites);
}

class InviteLinks {
  #path;
  #seconds = choice("invite-seconds", gettext("Valid"), [
    [DAY * 7, gettext("for 7 days")],
    [DAY, gettext("for 1 day")],
    [HOUR, gettext("for 1 hour")],
    [0, gettext("until it is revoked")],
  ]);
  #uses = choice("invite-uses", gettext("Can be used"), [
    [0, gettext("by anyone who has it")],
    [1, gettext("once")],
    [10, gettext("10 times")],
  ]);
  #form = el("form", { id: "make-invite" }, this.#seconds, this.#uses);
  #make = el(
    "button.button.primary",
    { type: "submit", form: this.#form.id },
    gettext("Create a link and copy it"),
  );
  #list = el("ul.invites", { "aria-label": gettext("Active links") });
  #none = el(
    "p.hint",
    {},
    gettext("There are no active links. Anyone with a link can join, so share it carefully."),
  );

  /** @param {string} path */
  constructor(path) {
    this.#path = path;
    this.#form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#create();
    });
  }

  /** @param {Invite[]} invites */
  show(invites) {
    this.#list.append(...invites.map((invite) => this.#row(invite)));
    this.#changed();
    openDialog(gettext("Invite by link"), [this.#form, this.#none, this.#list], [this.#make]);
  }

  #changed() {
    this.#none.hidden = this.#list.children.length > 0;
  }

  async #create() {
    this.#make.disabled = true;
    const chosen = (/** @type {HTMLElement} */ field) =>
      Number(field.querySelector("select")?.value) || null;
    const wanted = { seconds: chosen(this.#seconds), most_uses: chosen(this.#uses) };
    const answer = await orSay(() => api("POST", this.#path, wanted));
    this.#make.disabled = false;
    if (!answer) return;
    this.#list.prepend(this.#row(answer.invite));
    this.#changed();
    copy(location.origin + answer.invite.path);
  }

  /** @param {Invite} invite */
  #row(invite) {
    const { id, path, created_by: by } = invite;
    const revoke = async () => {
      if (!(await orSay(() => api("DELETE", `${this.#path}/${id}`)))) return;
      row.remove();
      this.#changed();
      this.#make.focus();
    };
    const origin = el("small.role", {}, gettext("created by "), isolated(by.name), " ", tag(by));
    const row = el(
      "li",
      {},
      icon("link"),
      el("span.grow", {}, el("span", {}, inWords(invite)), origin),
      iconButton("copy", gettext("Copy the link"), () => copy(location.origin + path)),
      iconButton("trash", gettext("Revoke"), revoke),
    );
    return row;
  }
}

/** @param {string} id @param {string} label @param {Array<[number, string]>} choices */
function choice(id, label, choices) {
  return el(
    "div.field",
    {},
    el("label", { htmlFor: id }, label),
    el(
      "select",
      { id },
      ...choices.map(([value, text]) => el("option", { value: String(value) }, text)),
    ),
  );
}

/** @param {Invite} invite */
function inWords({ expires_at: expiresAt, most_uses: mostUses, uses }) {
  const used = mostUses
    ? gettext("used %(uses)s of %(most)s times", { uses: number(uses), most: number(mostUses) })
    : ngettext("used %(count)s time", "used %(count)s times", uses);
  return expiresAt
    ? `${gettext("until %(time)s", { time: exactTime(new Date(expiresAt)) })}, ${used}`
    : used;
}
