/** Dialogs about a chat: creating one, finding a public one, its name, leaving it. */

import { api } from "../net/api.js";
import { publicRow } from "./found-rows.js";
import { confirmed, openDialog } from "../dom/dialogs.js";
import { orSay } from "../dom/toasts.js";
import { loadedList, nextPage } from "../dom/loaded-list.js";
import { el, searchField } from "../dom/dom.js";
import { gettext } from "../base/i18n.js";

const TITLE_LENGTH = 80;

/** @param {(chat: any) => void} made */
export function makeChat(made) {
  const title = el("input", {
    id: "chat-title",
    maxLength: TITLE_LENGTH,
    required: true,
    autocomplete: "off",
  });
  const problem = el("p.field-error", { role: "alert" });
  const form = el(
    "form",
    { id: "make-chat" },
    el(
      "div.field",
      {},
      el("label", { htmlFor: "chat-title" }, gettext("What is it called?")),
      title,
      problem,
    ),
    radio(
      "group",
      gettext("Group"),
      gettext("Only people who were added or have a link can see it and write."),
      true,
    ),
    radio("public", gettext("Public chat"), gettext("Anyone here can find it and join.")),
  );
  const submit = el(
    "button.button.primary",
    { type: "submit", form: form.id },
    gettext("Create chat"),
  );
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      const { chat } = await api("POST", "chats", {
        title: title.value,
        kind: new FormData(form).get("kind"),
      });
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

/** @param {string} kind @param {string} name @param {string} text */
function radio(kind, name, text, checked = false) {
  const input = el("input", { type: "radio", name: "kind", value: kind, checked });
  return el("label.choice", {}, input, el("span", {}, name, el("small", {}, text)));
}

/** @param {{open: (chatId: number) => void, join: (chat: any) => void}} actions */
export function browsePublicChats({ open, join }) {
  const field = searchField(gettext("Name of a chat"), () => list.soon());
  const list = loadedList(el("div.list", { "aria-live": "polite" }), {
    none: gettext("There is no public chat with that name. You can create one with +."),
    name: "chats",
    read: (page) =>
      api("GET", `chats/public?q=${encodeURIComponent(field.value.trim())}&page=${page}`),
    next: nextPage,
    row: (chat) =>
      publicRow(chat, () => {
        dialog.close();
        if (chat.joined) open(chat.id);
        else join(chat);
      }),
  });
  const dialog = openDialog(gettext("Public chats"), [field, list.node]);
  field.focus();
}

/** @param {import("../types.js").Chat} chat */
export function renameChat(chat) {
  const title = el("input", {
    id: "chat-title",
    value: chat.title,
    maxLength: TITLE_LENGTH,
    required: true,
    autocomplete: "off",
  });
  const form = el(
    "form",
    { id: "rename-chat" },
    el(
      "div.field",
      {},
      el("label", { htmlFor: "chat-title" }, gettext("What is it called?")),
      title,
    ),
  );
  const submit = el("button.button.primary", { type: "submit", form: form.id }, gettext("Save"));
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (await orSay(() => api("PATCH", `chats/${chat.id}`, { title: title.value }))) dialog.close();
  });
  const dialog = openDialog(gettext("Rename the chat"), [form], [submit]);
  title.select();
}

/** @param {import("../types.js").Chat} chat */
export async function leaveChat(chat) {
  const text =
    chat.kind === "public"
      ? gettext("You can come back at any time.")
      : gettext("You will need an invitation to come back.");
  const heir =
    chat.role === "owner" && chat.member_count > 1
      ? ` ${gettext("Ownership will pass to the admin or member who has been here longest.")}`
      : "";
  const isSure = await confirmed({
    title: gettext("Leave %(name)s?", { name: chat.title }),
    text: text + heir,
    action: gettext("Leave"),
  });
  if (isSure) await orSay(() => api("POST", `chats/${chat.id}/leave`));
}
