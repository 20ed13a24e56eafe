/** The chat page: makes the parts, connects them, and follows the address. Holds no rules of its own. */

import { Announcer } from "./announcer.js";
import { api } from "./api.js";
import { Banner } from "./banner.js";
import { keepBell } from "./bell.js";
import { drawChatHead } from "./chat-head.js";
import { ChatList } from "./chat-list.js";
import { drawClosed, lookAgain } from "./closed-chat.js";
import { Composer } from "./composer.js";
import { copy, orSay } from "./dialogs.js";
import { avatar, byId, el } from "./dom.js";
import { fullName } from "./format.js";
import { Gateway } from "./gateway.js";
import { gettext } from "./i18n.js";
import { later } from "./later.js";
import { MembersPanel } from "./members.js";
import { blockEntry, openMenu } from "./menu.js";
import { messageActions } from "./message-actions.js";
import { Notifications } from "./notifications.js";
import { Outbox } from "./outbox.js";
import { keepPageTitle } from "./page-title.js";
import { Receipts } from "./receipts.js";
import { Ringer } from "./ringer.js";
import { Room, showEmpty } from "./room.js";
import { SearchPanel } from "./search.js";
import { listenToServer } from "./server-events.js";
import { listenForShortcuts } from "./shortcuts.js";
import { followLayers } from "./side-panel.js";
import { Drafts } from "./storage.js";
import { Store } from "./store.js";
import { Sync } from "./sync.js";
import { isDark, switchTheme } from "./theme.js";
import { Timeline } from "./timeline.js";
import { Tray } from "./tray.js";
import { Typing } from "./typing.js";
import { followWriting } from "./writing.js";

/** Opened seldom: see later.js. */
const chatDialogs = () => import("./chat-dialogs.js");
const makeChat = () => later(chatDialogs, (module) => module.makeChat(opened));
const findChats = () => later(chatDialogs, (module) => module.browsePublicChats({ open: openById, join }));
const showInvites = (/** @type {import("./types.js").Chat} */ chat) => later(chatDialogs, (module) => module.showInvites(chat));
const blocking = () => import("./blocking.js");
const report = (/** @type {any} */ target) => later(() => import("./reporting.js"), (module) => module.report(store, target));
const toggleBlock = (/** @type {any} */ person) => later(blocking, (module) => (store.blocked.has(person.id) ? module.unblock : module.block)(store, person));
const showShortcuts = () => later(() => import("./shortcuts-dialog.js"), (module) => module.showShortcuts());

const start = JSON.parse(byId("state").textContent);
const store = new Store(start);
const gateway = new Gateway(store.me.id);
const sync = new Sync(store, gateway);
const outbox = new Outbox(store.me.id, gateway);
const typing = new Typing();
const composer = new Composer(new Drafts(store.me.id), store.limits.content, new Tray(store.limits.upload));
const actions = messageActions({ gateway, composer, outbox, room: () => room, store });
const timeline = new Timeline({ me: store.me, chat: () => /** @type {any} */ (room.chat), actions });
const receipts = new Receipts(store, gateway, timeline);
const room = new Room({ store, sync, outbox, timeline, receipts });
const list = new ChatList(store, typing, outbox);
const members = new MembersPanel(store, writeTo, showInvites, { report, toggleBlock });
const search = new SearchPanel(store, go);
const announcer = new Announcer();
const isWatched = (/** @type {number} */ chatId) => chatId === room.chatId && receipts.isWatched;
const notifications = new Notifications(store, start.notifications, isWatched);
const ringer = new Ringer(store, go, isWatched);
keepBell(notifications, store, go, opened);
new Banner(gateway);
const showTitle = keepPageTitle(store, () => room.chat?.title ?? "");

followWriting({ composer, gateway, outbox, receipts, room, store, sync });
listenToServer({ gateway, store, sync, outbox, typing, receipts, room, members, notifications, leave: () => go("/", { replace: true }) });
gateway.on("state", (state) => {
  document.documentElement.dataset.connection = state;
});

// What happens here

store.on("messages", ({ chatId, fresh }) => {
  for (const message of fresh) {
    if (chatId === room.chatId && !document.hidden) announcer.message(message);
    ringer.message(message);
  }
});
notifications.on("told", (notice) => ringer.told(notice));
store.on("status", ({ chatId }) => chatId === room.chatId && drawHead());
store.on("chats", () => room.chatId && drawHead());
typing.on("changed", (chatId) => chatId === room.chatId && drawTyping());

list.on("open", openById);
list.on("write-to", writeTo);
list.on("join", join);

/** @param {number} chatId */
function openById(chatId) {
  go(`/chats/${chatId}`);
}

/** @param {{id: number, name: string}} person */
async function writeTo(person) {
  const known = [...store.chats.values()].find((chat) => chat.peer?.id === person.id);
  if (!known && store.blocked.has(person.id)) return later(blocking, async (module) => (await module.unblockToWrite(store, person)) && writeTo(person));
  const answer = known ? { chat: known } : await orSay(() => api("POST", "chats/direct", { user_id: person.id }));
  if (answer) opened(answer.chat);
}

/** @param {{id: number}} chat */
async function join({ id }) {
  const answer = await orSay(() => api("POST", `chats/${id}/join`));
  if (answer) opened(answer.chat);
}

/** A chat that is new to us, and is shown now. @param {any} chat */
function opened(chat) {
  if (!store.chats.has(chat.id)) sync.chatCreated(chat);
  openById(chat.id);
}

byId("new-chat").addEventListener("click", (/** @type {any} */ event) => openMenu(event.currentTarget, [
  { label: gettext("Write to somebody"), icon: "person", onclick: () => list.focusFilter() },
  { label: gettext("Make a chat"), icon: "group", onclick: makeChat },
  { label: gettext("Find public chats"), icon: "public", onclick: findChats },
]));
byId("search-messages").addEventListener("click", () => search.open());
byId("my-menu").replaceChildren(avatar(store.me, { small: true }));
byId("my-menu").addEventListener("click", (/** @type {any} */ event) => openMenu(event.currentTarget, [
  el("div.caption", {}, gettext("Signed in as %(name)s", { name: fullName(store.me) })),
  { label: gettext("Profile"), icon: "person", onclick: () => location.assign("/profile") },
  { label: isDark() ? gettext("Light colours") : gettext("Dark colours"), icon: "moon", onclick: switchTheme },
  { label: gettext("Blocked people"), icon: "block", onclick: () => later(blocking, (module) => module.showBlocked(store)) },
  { label: gettext("Keys"), icon: "keyboard", onclick: showShortcuts },
  { label: gettext("Sign out"), icon: "leave", onclick: () => byId("sign-out").submit() },
]));

listenForShortcuts({
  find: () => {
    if (matchMedia("(max-width: 720px)").matches) go("/");
    list.focusFilter();
  },
  search: () => search.open(),
  step: (by) => {
    const chats = store.orderedChats;
    const place = chats.findIndex((chat) => chat.id === room.chatId);
    const next = chats[place < 0 ? 0 : place + by];
    if (next) openById(next.id);
  },
  escape: () => {
    if (composer.cancel()) return composer.focus();
    if (room.chatId) room.toNewest();
  },
  list: showShortcuts,
});

// The head of the open chat

function drawHead() {
  const { chat } = room;
  if (!chat) return;
  const isMany = chat.kind !== "direct";
  const mayManage = isMany && chat.role !== "member";
  const { peer } = chat;
  drawClosed(chat, toggleBlock);
  drawChatHead(chat, store.online, {
    back: () => (history.state?.fromList ? history.back() : go("/")),
    members: () => members.toggle(),
    menu: (anchor) => openMenu(anchor, [
      isMany && { label: gettext("Members"), icon: "people", onclick: () => members.open() },
      mayManage && { label: gettext("Rename"), icon: "edit", onclick: () => later(chatDialogs, (module) => module.renameChat(chat)) },
      { label: gettext("Notifications"), icon: "bell", onclick: () => later(() => import("./notification-dialogs.js"), (module) => module.chooseNotify(store, chat)) },
      mayManage && { label: gettext("Invite by link"), icon: "plus", onclick: () => showInvites(chat) },
      mayManage && { label: gettext("Webhooks"), icon: "plug", onclick: () => later(() => import("./webhooks.js"), (module) => module.showWebhooks(chat)) },
      { label: gettext("Search here"), icon: "search", onclick: () => search.open(chat.id) },
      { label: gettext("Copy a link"), icon: "link", onclick: () => copy(`${location.origin}/chats/${chat.id}`) },
      { label: gettext("Report…"), icon: "flag", onclick: () => report(peer ? { kind: "person", id: peer.id, person: peer } : { kind: "chat", id: chat.id, title: chat.title }) },
      peer && !peer.deleted && blockEntry(store, peer, toggleBlock),
      isMany && { label: gettext("Leave"), icon: "leave", danger: true, onclick: () => later(chatDialogs, (module) => module.leaveChat(chat)) },
    ]),
  });
}

function drawTyping() {
  byId("typing").textContent = typing.inWords(room.chatId);
}

// Addresses: "/" is the list, "/chats/7" a chat, "/chats/7#12" a message in it

/** @param {string} path @param {{replace?: boolean}} [how] */
function go(path, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", path);
  else if (path !== location.pathname + location.hash) history.pushState({ fromList: location.pathname === "/" || history.state?.over }, "", path);
  follow();
}

/** @param {string} path */
const chatIdOf = (path) => Number(/^\/chats\/(\d+)/.exec(path)?.[1] ?? 0);

function follow() {
  const chatId = chatIdOf(location.pathname);
  const seq = Number(/^#(\d+)$/.exec(location.hash)?.[1] ?? 0);
  const panes = byId("panes");
  followLayers();
  if (chatId) panes.dataset.pane = "chat";
  else delete panes.dataset.pane;
  if (chatId === room.chatId && chatId) {
    if (seq) room.jump(seq);
    return;
  }
  if (!history.state?.over) members.close();
  const chat = store.chats.get(chatId);
  if (chat) openChat(chat, seq);
  else showNothing(chatId);
  list.draw();
  showTitle();
}

/** @param {import("./types.js").Chat} chat @param {number} seq */
function openChat(chat, seq) {
  room.open(chat.id, { seq });
  drawHead();
  drawTyping();
  composer.open(chat);
  if (chat.closed) lookAgain(store, chat.id);
  receipts.look();
  notifications.opened(chat.id);
}

/** No chat is open, or one that could be joined. @param {number} chatId */
function showNothing(chatId) {
  room.close();
  composer.close();
  byId("chat-head").hidden = true;
  byId("typing").textContent = "";
  const invitation = start.open?.invitation?.id === chatId && chatId ? start.open.invitation : null;
  if (invitation?.refused) return showEmpty("public", invitation.title, invitation.refused, [gettext("To my chats"), () => go("/")]);
  if (invitation) return showEmpty("public", invitation.title, gettext("This is a public chat. Join it to read and write."), [gettext("Join"), () => join(invitation)], [gettext("To my chats"), () => go("/")]);
  const [title, text] = chatId ? [gettext("There is nothing here"), gettext("This chat does not exist, or it is not yours.")]
    : store.chats.size ? [gettext("Choose a chat"), gettext("Pick one from the list, or begin a new one.")]
      : [gettext("Welcome, %(name)s", { name: store.me.name }), gettext("Find somebody by name on the left and write to them, make a chat of your own, or join a public one.")];
  showEmpty("group", title, text, [gettext("Make a chat"), makeChat], [gettext("Find public chats"), findChats]);
}

/** A link to a message in one of the person's chats leads there without loading the page again. */
byId("chat").addEventListener("click", (/** @type {any} */ event) => {
  const link = event.target.closest("a[href]");
  if (!link || link.origin !== location.origin || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (!store.chats.has(chatIdOf(link.pathname))) return;
  event.preventDefault();
  go(link.pathname + link.hash);
});

addEventListener("popstate", follow);

if (start.open?.messages) store.openWindow(start.open.chat_id, start.open);
follow();
gateway.start();
