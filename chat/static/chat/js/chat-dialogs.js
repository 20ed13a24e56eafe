/** Dialogs about a chat: making one, finding a public one, its name, leaving it, links that let people in. */

import { api } from "./api.js";
import { publicRow } from "./chat-list.js";
import { confirmed, copy, loadedList, nextPage, openDialog, orSay } from "./dialogs.js";
import { el, icon, iconButton, isolated, searchField, tag } from "./dom.js";
import { exactTime } from "./format.js";
import { gettext, ngettext, number } from "./i18n.js";

const TITLE_LENGTH = 80;
const HOUR = 3600;
const DAY = 24 * HOUR;

/** @typedef {{id: number, path: string, created_by: import("./types.js").Sender, expires_at: ?string, most_uses: ?number, uses: number}} Invite */

/** @param {(chat: any) => void} made */
export function makeChat(made) {
  const title = el("input", { id: "chat-title", maxLength: TITLE_LENGTH, required: true, autocomplete: "off" });
  const problem = el("p.field-error", { role: "alert" });
  const choice = (/** @type {string} */ kind, /** @type {string} */ name, /** @type {string} */ text, checked = false) =>
    el("label.choice", {}, el("input", { type: "radio", name: "kind", value: kind, checked }), el("span", {}, name, el("small", {}, text)));
  const form = el("form", { id: "make-chat" },
    el("div.field", {}, el("label", { htmlFor: "chat-title" }, gettext("What is it called?")), title, problem),
    choice("group", gettext("Group"), gettext("Only those who were added, or have a link, can see and write."), true),
    choice("public", gettext("Public chat"), gettext("Everybody here can find it and join.")));
  const submit = el("button.button.primary", { type: "submit", form: form.id }, gettext("Make it"));
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      const { chat } = await api("POST", "chats", { title: title.value, kind: new FormData(form).get("kind") });
      dialog.close();
      made(chat);
    } catch (error) {
      problem.textContent = /** @type {Error} */ (error).message;
      title.focus();
    }
    submit.disabled = false;
  });
  const dialog = openDialog(gettext("New chat"), [form], [submit]);
  title.focus();
}

/** @param {{open: (chatId: number) => void, join: (chat: any) => void}} actions */
export function browsePublicChats({ open, join }) {
  const field = searchField(gettext("Name of a chat"), () => list.soon());
  const list = loadedList(el("div.list", { "aria-live": "polite" }), {
    none: gettext("There is no public chat of that name. You can make one with +."),
    name: "chats",
    read: (page) => api("GET", `chats/public?q=${encodeURIComponent(field.value.trim())}&page=${page}`),
    next: nextPage,
    row: (chat) => publicRow(chat, () => {
      dialog.close();
      if (chat.joined) open(chat.id);
      else join(chat);
    }),
  });
  const dialog = openDialog(gettext("Public chats"), [field, list.node]);
  field.focus();
}

/** @param {import("./types.js").Chat} chat */
export function renameChat(chat) {
  const title = el("input", { id: "chat-title", value: chat.title, maxLength: TITLE_LENGTH, required: true, autocomplete: "off" });
  const form = el("form", { id: "rename-chat" }, el("div.field", {}, el("label", { htmlFor: "chat-title" }, gettext("What is it called?")), title));
  const submit = el("button.button.primary", { type: "submit", form: form.id }, gettext("Save"));
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (await orSay(() => api("PATCH", `chats/${chat.id}`, { title: title.value }))) dialog.close();
  });
  const dialog = openDialog(gettext("Rename the chat"), [form], [submit]);
  title.select();
}

/** @param {import("./types.js").Chat} chat */
export async function leaveChat(chat) {
  const text = chat.kind === "public" ? gettext("You can come back at any time.") : gettext("Somebody has to invite you before you can come back.");
  const heir = chat.role === "owner" && chat.member_count > 1 ? ` ${gettext("Its owner will be the admin or member who has been here longest.")}` : "";
  const isSure = await confirmed({ title: gettext("Leave %(name)s?", { name: chat.title }), text: text + heir, action: gettext("Leave") });
  if (isSure) await orSay(() => api("POST", `chats/${chat.id}/leave`));
}

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
  const make = el("button.button.primary", { type: "submit", form: form.id }, gettext("Make a link and copy it"));

  const show = (/** @type {Invite} */ invite) => {
    const row = el("li", {}, icon("link"),
      el("span.grow", {}, el("span", {}, inWords(invite)), el("small.role", {}, gettext("made by "), isolated(invite.created_by.name), " ", tag(invite.created_by))),
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
