/** The panel of a chat's members: who they are, their roles, bringing people in and sending them out. */

import { api } from "./api.js";
import { avatar, byId, el, icon, iconButton, isolated, searchField, tag } from "./dom.js";
import { fullName } from "./format.js";
import { memberCount } from "./chat-list.js";
import { confirmed, loadedList, nextPage, orSay } from "./dialogs.js";
import { gettext } from "./i18n.js";
import { later } from "./later.js";
import { blockEntry, openMenu } from "./menu.js";
import { SidePanel } from "./side-panel.js";

/** Opened seldom: see later.js. */
const peopleDialogs = () => import("./people-dialogs.js");

export class MembersPanel extends SidePanel {
  #store;
  #writeTo;
  #invites;
  #safety;
  #chatId = 0;
  #list = /** @type {any} */ (null);
  #count = el("p.role");

  /**
   * @param {import("./store.js").Store} store @param {(person: any) => void} writeTo
   * @param {(chat: import("./types.js").Chat) => void} invites
   * @param {{report: (target: any) => void, toggleBlock: (person: any) => void}} safety
   */
  constructor(store, writeTo, invites, safety) {
    super("members", "show-members");
    this.#store = store;
    this.#invites = invites;
    this.#safety = safety;
    this.#writeTo = writeTo;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  /** With the members of the chat that the address leads to. */
  prepare() {
    this.#chatId = Number(location.pathname.split("/")[2]);
    const chat = this.#store.chats.get(this.#chatId);
    if (!chat) return;
    const search = searchField(gettext("Find a member"), () => this.#list.soon());
    this.#list = loadedList(el("div"), {
      none: gettext("No member has that name."),
      name: "members",
      read: (page) => api("GET", `chats/${chat.id}/members?q=${encodeURIComponent(search.value.trim())}&page=${page}`),
      next: nextPage,
      row: (member) => this.#row(member),
    });
    const close = iconButton("close", gettext("Close"), () => this.close());
    const invite = this.#mayManage && el("button.button.small", { onclick: () => later(peopleDialogs, ({ addPeople }) => addPeople(chat.id, () => this.changed(chat.id))) }, icon("plus"), gettext("Add people"));
    const byLink = this.#mayManage && el("button.button.small", { onclick: () => this.#invites(chat) }, icon("link"), gettext("Invite by link"));
    const removed = this.#mayManage && el("button.button.small", { onclick: () => later(peopleDialogs, ({ showRemoved }) => showRemoved(chat.id)) }, icon("people"), gettext("Removed people"));
    this.#count.textContent = memberCount(chat.member_count);
    this.panel.replaceChildren(
      el("header.side-head", {}, el("h2", {}, gettext("Members")), this.#count, close),
      el("div.filter", {}, icon("search"), search), el("div.side-body", {}, this.#list.node), el("footer.side-foot", {}, invite, byLink, removed));
    close.focus({ focusVisible: false });
  }

  /** Somebody came or went. @param {number} chatId */
  changed(chatId) {
    if (!this.isOpen || chatId !== this.#chatId) return;
    this.#count.textContent = memberCount(this.#store.chats.get(chatId)?.member_count ?? 0);
    this.#list.soon();
  }

  get #mayManage() {
    return ["owner", "admin"].includes(this.#store.chats.get(this.#chatId)?.role ?? "");
  }

  /** @param {{user: import("./types.js").Person, role: string}} member */
  #row({ user, role }) {
    const roles = { owner: gettext("owner"), admin: gettext("admin"), member: "" };
    const isMe = user.id === this.#store.me.id;
    const name = el("span.name.ellipsis", {}, isolated(user.name), isMe && el("span.role", {}, ` ${gettext("(you)")}`));
    const body = el("span.body", {}, el("span.line", {}, name, el("span.role", {}, roles[/** @type {"owner"} */ (role)])), el("span.sub.ellipsis", {}, tag(user)));
    const menu = !isMe && (!user.is_bot || this.#mayManage) && iconButton("more", gettext("More about %(name)s", { name: user.name }), (event) => this.#menu(event.currentTarget, user, role), { "aria-haspopup": "menu" });
    return el("div.row", {}, avatar(user, { online: this.#store.online.has(user.id) }), body, menu);
  }

  /** @param {HTMLElement} anchor @param {import("./types.js").Person} user @param {string} role */
  #menu(anchor, user, role) {
    const own = this.#store.chats.get(this.#chatId)?.role;
    const mayGive = own === "owner" && !user.is_bot;
    const mayRemove = role !== "owner" && (own === "owner" || (own === "admin" && role === "member"));
    const path = `chats/${this.#chatId}/members/${user.id}`;
    const next = role === "admin" ? "member" : "admin";
    const give = (/** @type {string} */ to) => orSay(() => api("PATCH", path, { role: to })).then(() => this.changed(this.#chatId));
    openMenu(anchor, [
      !user.is_bot && { label: gettext("Write to"), icon: "reply", onclick: () => this.#writeTo(user) },
      mayGive && { label: next === "admin" ? gettext("Make an admin") : gettext("Make a plain member"), icon: "person", onclick: () => give(next) },
      mayGive && { label: gettext("Make the owner"), icon: "people", onclick: () => this.#handOver(user, give) },
      { label: gettext("Report…"), icon: "flag", onclick: () => this.#safety.report({ kind: "person", id: user.id, person: user }) },
      !user.is_bot && blockEntry(this.#store, user, this.#safety.toggleBlock),
      mayRemove && { label: gettext("Remove from the chat"), icon: "leave", danger: true, onclick: () => this.#remove(user, path) },
    ]);
  }

  /** @param {import("./types.js").Person} user @param {(role: string) => void} give */
  async #handOver(user, give) {
    const text = gettext("%(name)s can then do everything here, also take it back. You stay as an admin.", { name: fullName(user) });
    if (await confirmed({ title: gettext("Hand the chat over?"), text, action: gettext("Hand over") })) give("owner");
  }

  /** @param {import("./types.js").Person} user @param {string} path */
  async #remove(user, path) {
    const text = gettext("%(name)s will no longer see this chat, and stays out until somebody who manages it lets them back in. What they wrote stays.", { name: fullName(user) });
    if (!(await confirmed({ title: gettext("Remove from the chat?"), text, action: gettext("Remove") }))) return;
    await orSay(() => api("DELETE", path));
    this.changed(this.#chatId);
  }
}
