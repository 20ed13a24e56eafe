/** The panel of a chat's members: who they are, their roles, bringing people in and sending them out. */

import { api } from "../net/api.js";
import {
  WITHOUT_RING,
  avatar,
  el,
  icon,
  iconButton,
  isolated,
  searchField,
  tag,
} from "../dom/dom.js";
import { fullName } from "../base/format.js";
import { memberCount } from "../chats/rows.js";
import { confirmed } from "../dom/dialogs.js";
import { orSay } from "../dom/toasts.js";
import { loadedList, nextPage } from "../dom/loaded-list.js";
import { gettext } from "../base/i18n.js";
import { later } from "../dom/later.js";
import { dangerous, entry, openMenu } from "../dom/menu.js";

/** @typedef {import("../types.js").Person} Person */
/**
 * @typedef {object} Safety
 * @property {(target: import("./reporting.js").Target) => void} report
 * @property {(person: Person) => import("../dom/menu.js").Entry} entry  that blocks, or unblocks
 */

const peopleDialogs = () => import("../chats/people-dialogs.js");

export class Members {
  #place;
  #store;
  #writeTo;
  #invites;
  #safety;
  #chatId = 0;
  /** @type {?ReturnType<typeof loadedList>} */
  #list = null;
  #count = el("p.role");

  /**
   * @param {import("../dom/side-panel.js").Place} place
   * @param {{store: import("../state/store.js").Store, writeTo: (person: Person) => void,
   *   invites: (chat: import("../types.js").Chat) => void, safety: Safety}} parts
   */
  constructor(place, { store, writeTo, invites, safety }) {
    this.#place = place;
    this.#store = store;
    this.#writeTo = writeTo;
    this.#invites = invites;
    this.#safety = safety;
  }

  /** With the members of the chat that the address leads to. */
  prepare() {
    this.#chatId = Number(location.pathname.split("/")[2]);
    const chat = this.#store.chats.get(this.#chatId);
    if (chat) this.#draw(chat);
  }

  /** @param {import("../types.js").Chat} chat */
  #draw(chat) {
    const search = searchField(gettext("Find a member"), () => this.#list?.soon());
    this.#list = loadedList(el("div"), {
      none: gettext("No members found."),
      name: "members",
      read: (page) =>
        api(
          "GET",
          `chats/${chat.id}/members?q=${encodeURIComponent(search.value.trim())}&page=${page}`,
        ),
      next: nextPage,
      row: (member) => this.#row(member),
    });
    const close = iconButton("close", gettext("Close"), () => this.#place.close());
    const invite =
      this.#mayManage &&
      el(
        "button.button.small",
        {
          onclick: () =>
            later(peopleDialogs, ({ addPeople }) =>
              addPeople(chat.id, () => this.changed(chat.id)),
            ),
        },
        icon("plus"),
        gettext("Add people"),
      );
    const byLink =
      this.#mayManage &&
      el(
        "button.button.small",
        { onclick: () => this.#invites(chat) },
        icon("link"),
        gettext("Invite by link"),
      );
    const removed =
      this.#mayManage &&
      el(
        "button.button.small",
        { onclick: () => later(peopleDialogs, ({ showRemoved }) => showRemoved(chat.id)) },
        icon("people"),
        gettext("Removed people"),
      );
    this.#count.textContent = memberCount(chat.member_count);
    this.#place.panel.replaceChildren(
      el("header.side-head", {}, el("h2", {}, gettext("Members")), this.#count, close),
      el("div.filter", {}, icon("search"), search),
      el("div.side-body", {}, this.#list.node),
      el("footer.side-foot", {}, invite, byLink, removed),
    );
    close.focus(WITHOUT_RING);
  }

  /** Somebody came or went. @param {number} chatId */
  changed(chatId) {
    if (!this.#place.isOpen || chatId !== this.#chatId) return;
    this.#count.textContent = memberCount(this.#store.chats.get(chatId)?.member_count ?? 0);
    this.#list?.soon();
  }

  get #mayManage() {
    return ["owner", "admin"].includes(this.#store.chats.get(this.#chatId)?.role ?? "");
  }

  /** @param {{user: import("../types.js").Person, role: string}} member */
  #row({ user, role }) {
    const roles = { owner: gettext("owner"), admin: gettext("admin"), member: "" };
    const isMe = user.id === this.#store.me.id;
    const name = el(
      "span.name.ellipsis",
      {},
      isolated(user.name),
      isMe && el("span.role", {}, ` ${gettext("(you)")}`),
    );
    const body = el(
      "span.body",
      {},
      el("span.line", {}, name, el("span.role", {}, roles[/** @type {"owner"} */ (role)])),
      el("span.sub.ellipsis", {}, tag(user)),
    );
    const menu =
      !isMe &&
      (!user.is_bot || this.#mayManage) &&
      iconButton(
        "more",
        gettext("More about %(name)s", { name: user.name }),
        (event) => this.#menu(event.currentTarget, user, role),
        { "aria-haspopup": "menu" },
      );
    return el("div.row", {}, avatar(user, { online: this.#store.online.has(user.id) }), body, menu);
  }

  /** @param {HTMLElement} anchor @param {Person} user @param {string} role */
  #menu(anchor, user, role) {
    const own = this.#store.chats.get(this.#chatId)?.role;
    const mayGive = own === "owner" && !user.is_bot;
    const mayRemove =
      role !== "owner" && (own === "owner" || (own === "admin" && role === "member"));
    const path = `chats/${this.#chatId}/members/${user.id}`;
    const next = role === "admin" ? "member" : "admin";
    const give = (/** @type {string} */ to) =>
      orSay(() => api("PATCH", path, { role: to })).then(() => this.changed(this.#chatId));
    openMenu(anchor, [
      !user.is_bot && entry(gettext("Write to"), "reply", () => this.#writeTo(user)),
      mayGive &&
        entry(
          next === "admin" ? gettext("Make an admin") : gettext("Make a regular member"),
          "person",
          () => give(next),
        ),
      mayGive && entry(gettext("Make the owner"), "people", () => this.#handOver(user, give)),
      entry(gettext("Report…"), "flag", () =>
        this.#safety.report({ kind: "person", id: user.id, person: user }),
      ),
      !user.is_bot && this.#safety.entry(user),
      mayRemove &&
        dangerous(gettext("Remove from the chat"), "leave", () => this.#remove(user, path)),
    ]);
  }

  /** @param {Person} user @param {(role: string) => void} give */
  async #handOver(user, give) {
    const text = gettext(
      "%(name)s will be able to do everything here. You will stay as an admin and cannot undo this.",
      { name: fullName(user) },
    );
    if (
      await confirmed({ title: gettext("Transfer ownership?"), text, action: gettext("Transfer") })
    )
      give("owner");
  }

  /** @param {Person} user @param {string} path */
  async #remove(user, path) {
    const text = gettext(
      "%(name)s will no longer see this chat and cannot return until someone who manages it lets them back in. Their messages stay.",
      { name: fullName(user) },
    );
    if (
      !(await confirmed({
        title: gettext("Remove from the chat?"),
        text,
        action: gettext("Remove"),
      }))
    )
      return;
    await orSay(() => api("DELETE", path));
    this.changed(this.#chatId);
  }
}
