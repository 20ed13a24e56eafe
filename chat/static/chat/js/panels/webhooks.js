/** The dialog of a chat's webhooks, for those who manage it: addresses that are told, addresses to write to. */

import { api } from "../net/api.js";
import { openDialog } from "../dom/dialogs.js";
import { loadedList } from "../dom/loaded-list.js";
import { el, icon } from "../dom/dom.js";
import { gettext } from "../base/i18n.js";
import { incomingRow } from "./incoming-webhook.js";
import { outgoingRow } from "./outgoing-webhook.js";
import { showAddress, showSecret } from "./webhook-parts.js";

/**
 * @typedef {object} Kind
 * @property {string} title
 * @property {string} none    what is said while there is none
 * @property {string} add
 * @property {Array<{name: string, label: string, hint?: string, [property: string]: any}>} fields
 * @property {string} path
 * @property {(path: string, webhook: any, drop: () => void) => Element} row
 * @property {(answer: any) => void} made
 */

/** @param {import("../types.js").Chat} chat */
export function showWebhooks({ id }) {
  const path = `chats/${id}/webhooks`;
  const outgoing = part({
    title: gettext("Outgoing"),
    none: gettext(
      "None yet. An outgoing webhook sends what is written here to an address of yours.",
    ),
    add: gettext("Add an outgoing webhook"),
    fields: [
      { name: "name", label: gettext("Name") },
      {
        name: "url",
        label: gettext("Address"),
        hint: gettext("It receives every message written, edited or deleted here."),
        type: "url",
        placeholder: "https://",
      },
    ],
    path,
    row: outgoingRow,
    made: showSecret,
  });
  const incoming = part({
    title: gettext("Incoming"),
    none: gettext(
      "None yet. An incoming webhook is an address that lets a program write to this chat.",
    ),
    add: gettext("Add an incoming webhook"),
    fields: [
      {
        name: "name",
        label: gettext("Name"),
        hint: gettext("Its messages appear under this name."),
      },
    ],
    path: `${path}/incoming`,
    row: incomingRow,
    made: showAddress,
  });
  openDialog(gettext("Webhooks"), [outgoing, incoming]);
}

/** @param {Kind} kind */
function part(kind) {
  const { title, none, add, path, row } = kind;
  const button = el(
    "button.button.small",
    { onclick: () => make(kind, (webhook) => list.add(webhook)) },
    icon("plus"),
    add,
  );
  const list = loadedList(el("ul.entries", { "aria-label": title }), {
    none,
    name: "webhooks",
    read: () => api("GET", path),
    row: (webhook, drop) =>
      row(`${path}/${webhook.id}`, webhook, () => {
        drop();
        button.focus();
      }),
  });
  return el("section.part", {}, el("h3", {}, title), list.node, button);
}

/** Asks until the server takes it; what it refuses is said at the field that it is about. @param {Kind} kind @param {(webhook: any) => void} enlist */
function make({ add, fields, path, made }, enlist) {
  const inputs = fields.map(({ name, label: _, hint: _hint, ...more }) =>
    el("input", {
      id: `webhook-${name}`,
      name,
      autocomplete: "off",
      "aria-describedby": `about-${name}`,
      ...more,
    }),
  );
  const problem = el("p.field-error", { role: "alert" });
  const form = el(
    "form",
    { id: "make-webhook", noValidate: true },
    ...fields.map(({ name, label, hint }, place) =>
      el(
        "div.field",
        {},
        el("label", { htmlFor: inputs[place].id }, label),
        inputs[place],
        el("div", { id: `about-${name}` }, hint && el("p.hint", {}, hint)),
      ),
    ),
  );
  const submit = el(
    "button.button.primary",
    { type: "submit", form: form.id },
    gettext("Create webhook"),
  );
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
