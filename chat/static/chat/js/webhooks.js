/**
 * The dialog of a chat's webhooks, for those who manage it: addresses that are told, addresses to write to,
 * and what was sent.
 */

import { api } from "./api.js";
import { confirmed, copy, loadedList, openDialog, orSay } from "./dialogs.js";
import { el, icon, iconButton, isolated } from "./dom.js";
import { badge, dayHeading, exactTime, shortMoment, timeOfDay } from "./format.js";
import { gettext, language, ngettext } from "./i18n.js";
import { openMenu } from "./menu.js";

const milliseconds = new Intl.NumberFormat(language, { style: "unit", unit: "millisecond" });
// Only what was written in a chat can be sent again.
const TEST = "webhook.test";

/** @typedef {import("./types.js").Delivery} Delivery */
/** @typedef {import("./types.js").Webhook} Webhook */
/** @typedef {import("./types.js").IncomingWebhook} IncomingWebhook */
/**
 * @typedef {object} Kind
 * @property {string} title
 * @property {string} none    what is said while there is none
 * @property {string} add
 * @property {Array<{name: string, label: string, hint?: string, [property: string]: any}>} fields
 * @property {string} path
 * @property {(path: string, webhook: any, drop: () => void) => Node} row
 * @property {(answer: any) => void} made
 */

/** @param {import("./types.js").Chat} chat */
export function showWebhooks({ id }) {
  const path = `chats/${id}/webhooks`;
  const outgoing = part({
    title: gettext("Outgoing"),
    none: gettext("None yet. An outgoing webhook tells an address of yours what is written here."),
    add: gettext("Add an outgoing webhook"),
    fields: [
      { name: "name", label: gettext("Name") },
      { name: "url", label: gettext("Address"), hint: gettext("It gets every message that is written, edited or deleted here."), type: "url", placeholder: "https://" }],
    path,
    row: outgoingRow,
    made: showSecret,
  });
  const incoming = part({
    title: gettext("Incoming"),
    none: gettext("None yet. An incoming webhook is an address where a program writes to this chat."),
    add: gettext("Add an incoming webhook"),
    fields: [{ name: "name", label: gettext("Name"), hint: gettext("What it writes stands under this name.") }],
    path: `${path}/incoming`,
    row: incomingRow,
    made: showAddress,
  });
  openDialog(gettext("Webhooks"), [outgoing, incoming]);
}

/** @param {Kind} kind */
function part(kind) {
  const { title, none, add, path, row } = kind;
  const button = el("button.button.small", { onclick: () => make(kind, list.add) }, icon("plus"), add);
  const list = loadedList(el("ul.entries", { "aria-label": title }), {
    none,
    name: "webhooks",
    read: () => api("GET", path),
    row: (webhook, drop) => row(`${path}/${webhook.id}`, webhook, () => {
      drop();
      button.focus();
    }),
  });
  return el("section.part", {}, el("h3", {}, title), list.node, button);
}

/** Asks until the server takes it; what it refuses is said at the field that it is about. @param {Kind} kind @param {(webhook: any) => void} enlist */
function make({ add, fields, path, made }, enlist) {
  const inputs = fields.map(({ name, label, hint, ...more }) => el("input", { id: `webhook-${name}`, name, autocomplete: "off", "aria-describedby": `about-${name}`, ...more }));
  const problem = el("p.field-error", { role: "alert" });
  const form = el("form", { id: "make-webhook", noValidate: true }, ...fields.map(({ name, label, hint }, place) => el("div.field", {},
    el("label", { htmlFor: inputs[place].id }, label), inputs[place], el("div", { id: `about-${name}` }, hint && el("p.hint", {}, hint)))));
  const submit = el("button.button.primary", { type: "submit", form: form.id }, gettext("Make it"));
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      const answer = await api("POST", path, Object.fromEntries(new FormData(form)));
      dialog.close();
      enlist(answer.webhook);
      made(answer);
    } catch (/** @type {any} */ error) {
      // Of an address; a name has codes of its own.
      const field = inputs[error.code === "bad_request" ? inputs.length - 1 : 0];
      problem.textContent = error.message;
      field.nextSibling.prepend(problem);
      for (const input of inputs) input.setAttribute("aria-invalid", String(input === field));
      field.focus();
    }
    submit.disabled = false;
  });
  const dialog = openDialog(add, [form], [submit]);
  inputs[0].focus();
}

/** Nobody is shown it a second time. @param {string} title @param {string} text @param {string} value */
function showOnce(title, text, value) {
  const button = el("button.button.primary", { onclick: () => copy(value) }, gettext("Copy"));
  openDialog(title, [el("code.once", {}, value), el("p.hint", {}, text)], [button]);
  button.focus();
}

/** @param {{webhook: Webhook, secret: string}} answer */
function showSecret({ webhook: { name }, secret }) {
  showOnce(gettext("The secret of %(name)s", { name }), gettext("Copy it now: it is not shown again. With it the receiver checks that what comes is from here."), secret);
}

/** @param {{webhook: IncomingWebhook, path: string}} answer */
function showAddress({ webhook: { name }, path }) {
  showOnce(gettext("The address of %(name)s", { name }), gettext("Copy it now: it is not shown again. Whoever knows it can write here."), location.origin + path);
}

/**
 * The way on for what is paused: whoever takes it over is told what nobody is told again.
 * @param {string} path @param {string} name @param {string} text  what that means @param {(answer: any) => void} taken
 */
function takeOverButton(path, name, text, taken) {
  return el("button.button.small", { onclick: async () => {
    if (!(await confirmed({ title: gettext("Take over %(name)s?", { name }), text, action: gettext("Take over") }))) return;
    const answer = await orSay(() => api("POST", `${path}/take-over`));
    if (answer) taken(answer);
  } }, gettext("Take over"));
}

/** @param {{paused: ?{detail: string}}} webhook */
const pausedWords = ({ paused }) => paused ? gettext("Paused: %(reason)s", { reason: paused.detail }) : "";

/** @param {string} path @param {Webhook} webhook @param {() => void} drop */
function outgoingRow(path, webhook, drop) {
  const { name, url } = webhook;
  const state = el("small");
  const told = el("small", { role: "status" });
  const show = (/** @type {Webhook} */ now) => {
    webhook = now;
    say(state, stateWords(now), now.failing_since || now.switched_off_reason || now.paused);
    takeOver.hidden = !now.paused;
  };
  const means = gettext("From now on you answer for it: what is written here goes to %(url)s, signed with a new secret. If you do not know that address, delete it instead.", { url });
  const takeOver = takeOverButton(path, name, means, (answer) => {
    show(answer.webhook);
    more.focus();
    showSecret(answer);
  });
  const ask = (/** @type {string} */ method, rest = "", /** @type {any} */ body = undefined) => orSay(() => api(method, path + rest, body));
  const test = async () => {
    say(told, gettext("Sending a test…"));
    const answer = await ask("POST", "/test");
    if (!answer) return say(told, "");
    const outcome = outcomeWords(answer.delivery);
    const { error } = answer.delivery;
    say(told, error ? gettext("The test failed: %(outcome)s", { outcome }) : gettext("The test arrived: %(outcome)s", { outcome }), error);
  };
  const turn = async () => {
    const answer = await ask("PATCH", "", { is_active: !webhook.is_active });
    if (answer) show(answer.webhook);
  };
  const rotate = async () => {
    const text = gettext("The receiver has to know the new one: from now on everything is signed with it.");
    if (!(await confirmed({ title: gettext("Make a new secret?"), text, action: gettext("New secret") }))) return;
    const answer = await ask("POST", "/secret");
    if (answer) showSecret(answer);
  };
  const remove = async () => {
    const text = gettext("What waits is not sent any more, and the list of deliveries goes, too.");
    if (!(await confirmed({ title: gettext("Delete %(name)s?", { name }), text, action: gettext("Delete") }))) return;
    if (await ask("DELETE")) drop();
  };
  const menu = (/** @type {any} */ { currentTarget }) => openMenu(currentTarget, [
    { label: gettext("Send a test"), icon: "send", onclick: test },
    { label: gettext("Deliveries"), icon: "history", onclick: () => showDeliveries(`${path}/deliveries`, name) },
    { label: webhook.is_active ? gettext("Switch off") : gettext("Switch on"), icon: "power", onclick: turn },
    { label: gettext("New secret"), icon: "key", onclick: rotate },
    { label: gettext("Delete"), icon: "trash", danger: true, onclick: remove },
  ]);
  const more = iconButton("more", gettext("More about %(name)s", { name }), menu, { "aria-haspopup": "menu" });
  show(webhook);
  return el("li", {}, el("span.grow", {}, isolated(name), el("small", { dir: "ltr" }, url), state, told, takeOver), more);
}

/** @param {HTMLElement} line @param {string} text @param {any} [isBad] */
function say(line, text, isBad) {
  line.textContent = text;
  line.classList.toggle("danger", Boolean(isBad));
}

/** @param {Webhook} webhook */
function stateWords({ is_active: isActive, failing_since: since, switched_off_reason: reason, waiting, paused }) {
  const off = reason ? gettext("Switched off: %(reason)s", { reason }) : gettext("Switched off");
  const on = since ? gettext("Failing since %(time)s", { time: shortMoment(new Date(since), new Date()) }) : gettext("On");
  const queue = waiting ? ngettext("%(count)s waiting", "%(count)s waiting", waiting, { count: badge(waiting) }) : "";
  return [isActive ? !paused && on : off, pausedWords({ paused }), queue].filter(Boolean).join(" · ");
}

/** @param {string} path @param {IncomingWebhook} webhook @param {() => void} drop */
function incomingRow(path, webhook, drop) {
  const { name, last_used_at: usedAt } = webhook;
  const used = usedAt ? gettext("Last used: %(time)s", { time: shortMoment(new Date(usedAt), new Date()) }) : gettext("Not used yet");
  const state = el("small");
  const show = (/** @type {IncomingWebhook} */ now) => {
    say(state, [pausedWords(now), used].filter(Boolean).join(" · "), now.paused);
    takeOver.hidden = !now.paused;
  };
  const means = gettext("From now on you answer for it. It gets a new address; the old one, which others may know, stops working.");
  const takeOver = takeOverButton(path, name, means, (answer) => {
    show(answer.webhook);
    revoke.focus();
    showAddress(answer);
  });
  const revoke = iconButton("trash", gettext("Revoke %(name)s", { name }), async () => {
    const text = gettext("Its address stops working at once. What it wrote stays.");
    if (!(await confirmed({ title: gettext("Revoke %(name)s?", { name }), text, action: gettext("Revoke") }))) return;
    if (await orSay(() => api("DELETE", path))) drop();
  });
  show(webhook);
  return el("li", {}, el("span.grow", {}, isolated(name), state, takeOver), revoke);
}

/** What was sent to an outgoing webhook, newest first, and what came of it. @param {string} path @param {string} name */
function showDeliveries(path, name) {
  const list = loadedList(el("ul.entries", { "aria-label": gettext("Deliveries") }), {
    none: gettext("Nothing was sent yet, or it was long ago."),
    name: "deliveries",
    read: (before) => api("GET", path + (before ? `?before=${before}` : "")),
    row: (delivery) => deliveryRow(path, delivery),
  });
  const again = el("button.button.small", { onclick: () => list.load() }, icon("history"), gettext("Look again"));
  openDialog(gettext("Deliveries to %(name)s", { name }), [again, list.node]);
}

/** @param {string} path @param {Delivery} delivery */
function deliveryRow(path, delivery) {
  const moment = new Date(delivery.created_at);
  const when = el("time", { dateTime: delivery.created_at, title: exactTime(moment) }, `${dayHeading(moment, new Date())}, ${timeOfDay(moment)}`);
  const state = el("small", { role: "status" });
  const show = (/** @type {Delivery} */ now) => {
    state.textContent = [deliveryWords(now), now.attempts && ngettext("%(count)s try", "%(count)s tries", now.attempts), outcomeWords(now)].filter(Boolean).join(" · ");
    state.classList.toggle("danger", Boolean(now.error));
  };
  show(delivery);
  return el("li", {}, el("span.grow", {}, when, el("small", { dir: "ltr" }, delivery.type), state),
    delivery.type !== TEST && iconButton("send", gettext("Send again"), async () => {
      const answer = await orSay(() => api("POST", `${path}/${delivery.id}/again`));
      if (answer) show(answer.delivery);
    }));
}

/** @param {Delivery} delivery */
function deliveryWords({ status, attempts, next_attempt_at: next }) {
  if (status === "delivered") return gettext("Delivered");
  if (status === "given_up") return gettext("Given up");
  return attempts && next ? gettext("Waiting, next try at %(time)s", { time: timeOfDay(new Date(next)) }) : gettext("Waiting");
}

/** What the last try came to: the answer, how long it took, and what was wrong. @param {Delivery} delivery */
function outcomeWords({ response_status: status, milliseconds: took, error }) {
  return [status && gettext("status %(status)s", { status }), took !== null && milliseconds.format(took), error].filter(Boolean).join(" · ");
}
