/** Dialogs for making a chat and for finding public ones. */

import { api } from "./api.js";
import { publicRow } from "./chat-list.js";
import { confirmed, openDialog, orSay } from "./dialogs.js";
import { el } from "./dom.js";
import { gettext } from "./i18n.js";

const TITLE_LENGTH = 80;

/** @param {(chat: any) => void} made */
export function makeChat(made) {
  const title = el("input", { id: "chat-title", maxLength: TITLE_LENGTH, required: true, autocomplete: "off" });
  const problem = el("p.field-error", { role: "alert" });
  const choice = (/** @type {string} */ kind, /** @type {string} */ name, /** @type {string} */ text, checked = false) =>
    el("label.choice", {}, el("input", { type: "radio", name: "kind", value: kind, checked }), el("span", {}, name, el("small", {}, text)));
  const form = el("form", {},
    el("div.field", {}, el("label", { htmlFor: "chat-title" }, gettext("What is it called?")), title, problem),
    choice("group", gettext("Group"), gettext("Only those who were added, or have a link, can see and write."), true),
    choice("public", gettext("Public chat"), gettext("Everybody here can find it and join.")));
  const submit = el("button.button.primary", { type: "submit" }, gettext("Make it"));
  form.id = "make-chat";
  submit.setAttribute("form", form.id);
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
  const field = el("input", { type: "search", autocomplete: "off", placeholder: gettext("Name of a chat"), "aria-label": gettext("Name of a chat") });
  const list = el("div.list", { "aria-live": "polite" });
  let asked = 0;
  const load = async (page = 0) => {
    const mine = ++asked;
    const found = await orSay(() => api("GET", `chats/public?q=${encodeURIComponent(field.value.trim())}&page=${page}`));
    if (mine !== asked || !found) return;
    const rows = found.chats.map((/** @type {any} */ chat) => publicRow(chat, () => {
      dialog.close();
      if (chat.joined) open(chat.id);
      else join(chat);
    }));
    list.querySelector(".more")?.remove();
    if (page) list.append(...rows);
    else list.replaceChildren(...rows);
    if (found.more) list.append(el("button.button.small.wide.more", { type: "button", onclick: () => load(page + 1) }, gettext("Show more")));
    if (!list.firstChild) list.append(el("p.list-title", {}, gettext("There is no public chat of that name. You can make one with +.")));
  };
  field.addEventListener("input", () => load());
  const dialog = openDialog(gettext("Public chats"), [field, list]);
  field.focus();
  load();
}

/** @param {import("./types.js").Chat} chat */
export function renameChat(chat) {
  const title = el("input", { id: "chat-title", value: chat.title, maxLength: TITLE_LENGTH, required: true, autocomplete: "off" });
  const form = el("form", { id: "rename-chat" }, el("div.field", {}, el("label", { htmlFor: "chat-title" }, gettext("What is it called?")), title));
  const submit = el("button.button.primary", { type: "submit" }, gettext("Save"));
  submit.setAttribute("form", form.id);
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (await orSay(() => api("PATCH", `chats/${chat.id}`, { title: title.value }))) dialog.close();
  });
  const dialog = openDialog(gettext("Rename the chat"), [form], [submit]);
  title.select();
}

/** @param {import("./types.js").Chat} chat */
export async function leaveChat(chat) {
  const text = chat.kind === "public" ? gettext("You can come back at any time.") : gettext("Somebody has to add you again before you can come back.");
  const heir = chat.role === "owner" && chat.member_count > 1 ? ` ${gettext("Its owner will be the admin or member who has been here longest.")}` : "";
  const isSure = await confirmed({ title: gettext("Leave %(name)s?", { name: chat.title }), text: text + heir, action: gettext("Leave") });
  if (isSure) await orSay(() => api("POST", `chats/${chat.id}/leave`));
}
