/** The panel of a chat's members: who they are, their roles, bringing people in and sending them out. */

import { api } from "./api.js";
import { avatar, byId, el, icon, iconButton, isolated } from "./dom.js";
import { memberCount, personRow } from "./chat-list.js";
import { confirmed, openDialog, orSay } from "./dialogs.js";
import { gettext } from "./i18n.js";
import { openMenu } from "./menu.js";

const ASK_AFTER_MS = 250;

export class MembersPanel {
  #panel = byId("members");
  #store;
  #writeTo;
  #actions;
  #chatId = 0;
  #timer = 0;
  /** Only the answer to the newest question counts. */
  #asked = 0;

  /**
   * @param {import("./store.js").Store} store @param {(person: any) => void} writeTo
   * @param {{invites: (chat: import("./types.js").Chat) => void, opened: () => void}} actions
   */
  constructor(store, writeTo, actions) {
    this.#store = store;
    this.#actions = actions;
    this.#writeTo = writeTo;
    this.#panel.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && this.close());
  }

  get isOpen() {
    return !this.#panel.hidden;
  }

  /** @param {number} chatId */
  toggle(chatId) {
    if (this.isOpen) this.close();
    else this.open(chatId);
  }

  /** @param {number} chatId */
  open(chatId) {
    this.#chatId = chatId;
    const chat = this.#store.chats.get(chatId);
    if (!chat) return;
    const search = el("input", { type: "search", placeholder: gettext("Find a member"), "aria-label": gettext("Find a member"), autocomplete: "off" });
    search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#load(search.value.trim(), 0), ASK_AFTER_MS);
    });
    const close = iconButton("close", gettext("Close"), () => this.close());
    const invite = this.#mayManage && el("button.button.small", { type: "button", onclick: () => this.#invite() }, icon("plus"), gettext("Add people"));
    const byLink = this.#mayManage && el("button.button.small", { type: "button", onclick: () => this.#actions.invites(chat) }, icon("link"), gettext("Invite by link"));
    this.#body = el("div.side-body");
    this.#count = el("p.role", {}, memberCount(chat.member_count));
    this.#panel.replaceChildren(
      el("header.side-head", {}, el("h2", {}, gettext("Members")), this.#count, close),
      el("div.filter", {}, icon("search"), search), this.#body, el("footer.side-foot", {}, invite, byLink));
    this.#actions.opened();
    this.#panel.hidden = false;
    byId("panes").classList.add("with-side");
    close.focus({ focusVisible: false });
    this.#load("", 0);
  }

  #body = el("div");
  #count = el("p");

  close() {
    if (!this.isOpen) return;
    this.#panel.hidden = true;
    byId("panes").classList.remove("with-side");
    byId("show-members")?.focus({ focusVisible: false });
  }

  /** Somebody came or went. @param {number} chatId */
  changed(chatId) {
    if (!this.isOpen || chatId !== this.#chatId) return;
    this.#count.textContent = memberCount(this.#store.chats.get(chatId)?.member_count ?? 0);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(this.#panel.querySelector("input").value.trim(), 0), ASK_AFTER_MS);
  }

  get #mayManage() {
    return ["owner", "admin"].includes(this.#store.chats.get(this.#chatId)?.role ?? "");
  }

  /** @param {string} words @param {number} page */
  async #load(words, page) {
    const asked = ++this.#asked;
    const query = `q=${encodeURIComponent(words)}&page=${page}`;
    let found;
    try {
      found = await api("GET", `chats/${this.#chatId}/members?${query}`);
    } catch (error) {
      if (asked === this.#asked) this.#body.replaceChildren(el("p.problem", { role: "alert" }, /** @type {Error} */ (error).message));
      return;
    }
    if (asked !== this.#asked) return;
    const rows = found.members.map((/** @type {any} */ member) => this.#row(member));
    this.#body.querySelector(".more")?.remove();
    if (page) this.#body.append(...rows);
    else this.#body.replaceChildren(...rows);
    if (found.more) this.#body.append(el("button.button.small.wide.more", { type: "button", onclick: () => this.#load(words, page + 1) }, gettext("Show more")));
    if (!this.#body.firstChild) this.#body.append(el("p.list-title", {}, gettext("No member has that name.")));
  }

  /** @param {{user: import("./types.js").Person, role: string}} member */
  #row({ user, role }) {
    const roles = { owner: gettext("owner"), admin: gettext("admin"), member: "" };
    const isMe = user.id === this.#store.me.id;
    const name = el("span.name.ellipsis", {}, isolated(user.name), isMe && el("span.role", {}, ` ${gettext("(you)")}`));
    const body = el("span.body", {}, el("span.line", {}, name, el("span.role", {}, roles[/** @type {"owner"} */ (role)])), el("span.sub.ellipsis", {}, `@${user.username}`));
    const menu = !isMe && iconButton("more", gettext("More about %(name)s", { name: user.name }), (event) => this.#menu(event.currentTarget, user, role), { "aria-haspopup": "menu" });
    return el("div.row", {}, avatar(user, { online: this.#store.online.has(user.id) }), body, menu);
  }

  /** @param {HTMLElement} anchor @param {import("./types.js").Person} user @param {string} role */
  #menu(anchor, user, role) {
    const own = this.#store.chats.get(this.#chatId)?.role;
    const mayRemove = role !== "owner" && (own === "owner" || (own === "admin" && role === "member"));
    const path = `chats/${this.#chatId}/members/${user.id}`;
    const next = role === "admin" ? "member" : "admin";
    const give = (/** @type {string} */ to) => orSay(() => api("PATCH", path, { role: to })).then(() => this.changed(this.#chatId));
    openMenu(anchor, [
      { label: gettext("Write to"), icon: "reply", onclick: () => this.#writeTo(user) },
      own === "owner" && { label: next === "admin" ? gettext("Make an admin") : gettext("Make a plain member"), icon: "person", onclick: () => give(next) },
      own === "owner" && { label: gettext("Make the owner"), icon: "people", onclick: () => this.#handOver(user, give) },
      mayRemove && { label: gettext("Remove from the chat"), icon: "leave", danger: true, onclick: () => this.#remove(user, path) },
    ]);
  }

  /** @param {import("./types.js").Person} user @param {(role: string) => void} give */
  async #handOver(user, give) {
    const text = gettext("%(name)s can then do everything here, also take it back. You stay as an admin.", { name: user.name });
    if (await confirmed({ title: gettext("Hand the chat over?"), text, action: gettext("Hand over") })) give("owner");
  }

  /** @param {import("./types.js").Person} user @param {string} path */
  async #remove(user, path) {
    const text = gettext("%(name)s will no longer see this chat. What they wrote stays. Take back links that they know.", { name: user.name });
    if (!(await confirmed({ title: gettext("Remove from the chat?"), text, action: gettext("Remove") }))) return;
    await orSay(() => api("DELETE", path));
    this.changed(this.#chatId);
  }

  #invite() {
    const chatId = this.#chatId;
    const field = el("input", { type: "search", autocomplete: "off", placeholder: gettext("Name or username"), "aria-label": gettext("Name or username") });
    const list = el("div.list", { "aria-live": "polite" });
    let asked = 0;
    field.addEventListener("input", async () => {
      const mine = ++asked;
      const words = field.value.trim();
      const found = words ? await orSay(() => api("GET", `people?q=${encodeURIComponent(words)}`)) : { people: [] };
      if (mine !== asked || !found) return;
      list.replaceChildren(...found.people.map((/** @type {any} */ person) => personRow(person, async () => {
        if (!(await orSay(() => api("POST", `chats/${chatId}/members`, { user_id: person.id })))) return;
        dialog.close();
        this.changed(chatId);
      })));
      if (words && !found.people.length) list.append(el("p.list-title", {}, gettext("Nobody has that name.")));
    });
    const dialog = openDialog(gettext("Add people"), [field, list]);
    field.focus();
  }
}
