/** The chat page: makes the parts and connects them. Holds no rules of its own. */

import { ChatList } from "./chats/chat-list.js";
import { Composer } from "./composing/composer.js";
import { Tray } from "./composing/tray.js";
import { byId } from "./dom/dom.js";
import { SidePanel } from "./dom/side-panel.js";
import { Named } from "./messages/named.js";
import { OpenChat } from "./messages/open-chat.js";
import { Receipts } from "./messages/receipts.js";
import { Timeline } from "./messages/timeline.js";
import { Gateway } from "./net/gateway.js";
import { Announcer } from "./notifying/announcer.js";
import { keepBell } from "./notifying/bell.js";
import { Notifications } from "./notifying/notifications.js";
import { keepPageTitle } from "./notifying/page-title.js";
import { Ringer } from "./notifying/ringer.js";
import { Entering } from "./page/entering.js";
import { Head, showInvites } from "./page/head.js";
import { MessageActions } from "./page/message-actions.js";
import { Navigation } from "./page/navigation.js";
import { Safety } from "./page/safety.js";
import { ServerEvents } from "./page/server-events.js";
import { listenToKeys, listenToTopBar } from "./page/top-bar.js";
import { followWriting } from "./page/writing.js";
import { Banner } from "./panels/banner.js";
import { Drafts } from "./state/drafts.js";
import { Store } from "./state/store.js";
import { Sync } from "./state/sync.js";
import { Typing } from "./state/typing.js";
import { Unsent } from "./state/unsent.js";

const start = JSON.parse(byId("state").textContent);
/** Where the page goes, once all parts are made. @param {string} path @param {{replace?: boolean}} [how] */
const go = (path, how) => navigation.go(path, how);

// What is known, and the way to the server.
const store = new Store(start);
const gateway = new Gateway(store.me.id);
const sync = new Sync(store, gateway);
const unsent = new Unsent(store.me.id, gateway);
const typing = new Typing();

// The open chat.
const drafts = new Drafts(store.me.id);
const composer = new Composer(drafts, store.limits.content, new Tray(store.limits.upload));
const safety = new Safety(store);
const actions = new MessageActions({
  gateway,
  composer,
  unsent,
  store,
  safety,
  openChat: () => openChat,
});
const names = new Named();
const timeline = new Timeline({ me: store.me, chat: () => openChat.chat, names, actions });
const receipts = new Receipts(store, gateway, timeline);
/** @type {OpenChat} */
const openChat = new OpenChat({ store, sync, unsent, timeline, receipts });
followWriting({ composer, gateway, unsent, receipts, openChat, store, sync });

// What stands around it.
const list = new ChatList(store, typing, unsent);
const entering = new Entering({ store, sync, safety, go });
/** @type {SidePanel<import("./panels/members.js").Members>} */
const members = new SidePanel("members", "show-members", async () => {
  const { Members } = await import("./panels/members.js");
  const writeTo = (/** @type {import("./types.js").Person} */ person) => entering.writeTo(person);
  return (place) => new Members(place, { store, writeTo, invites: showInvites, safety });
});
/** @type {SidePanel<import("./panels/search.js").Search>} */
const searchPanel = new SidePanel("search", "message", async () => {
  const { Search } = await import("./panels/search.js");
  return (place) => new Search(place, { store, go });
});
/** @param {number} [chatId]  only in this chat */
const search = (chatId) => searchPanel.open((content) => content.begin(chatId));
const head = new Head({ openChat, store, typing, safety, members, search, go });
new Banner(gateway);

// What tells of news.
const announcer = new Announcer();
const isWatched = (/** @type {number} */ chatId) =>
  chatId === openChat.chatId && receipts.isWatched;
const notifications = new Notifications(store, start.notifications, isWatched);
const ringer = new Ringer(store, go, isWatched);
keepBell(notifications, store, go, (chat) => entering.enter(chat));
const showTitle = keepPageTitle(store, () => openChat.chat?.title ?? "");
notifications.on("told", (notice) => ringer.told(notice));
notifications.on("gone", (notice) => ringer.takeBack(notice));
store.on("messages", ({ chatId, fresh }) => {
  for (const message of fresh) {
    if (chatId === openChat.chatId && !document.hidden) announcer.message(message);
    ringer.message(message);
  }
});

// What comes from the server, and from the person.
new ServerEvents({
  gateway,
  store,
  sync,
  unsent,
  typing,
  receipts,
  openChat,
  notifications,
  membersChanged: (chatId) => {
    names.forget(chatId);
    members.whileOpen((content) => content.changed(chatId));
  },
  leave: () => go("/", { replace: true }),
});
gateway.on("state", (state) => {
  document.documentElement.dataset.connection = state;
});
list.on("open", (chatId) => entering.open(chatId));
list.on("write-to", (person) => entering.writeTo(person));
list.on("join", (chat) => entering.join(chat));
listenToTopBar({ me: store.me, list, entering, safety, search: () => search() });
listenToKeys({ store, openChat, composer, list, entering, search: () => search(), go });

const navigation = new Navigation({
  store,
  openChat,
  composer,
  list,
  members,
  receipts,
  notifications,
  head,
  entering,
  showTitle,
  offer: start.open?.invitation,
});
if (start.open?.messages) store.openWindow(start.open.chat_id, start.open);
navigation.follow();
gateway.start();
