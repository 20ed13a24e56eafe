/** Telling staff of a message, a person or a chat; and what happens then. */

import { api } from "../net/api.js";
import { block } from "./blocking.js";
import { openDialog } from "../dom/dialogs.js";
import { el } from "../dom/dom.js";
import { gettext } from "../base/i18n.js";

const TEXT_LENGTH = 1000;

/**
 * @typedef {object} Target
 * @property {"message"|"person"|"chat"} kind
 * @property {number} id
 * @property {string} [title]  of a chat
 * @property {{id: number, name: string}} [person]  whose message it is, or who is meant
 */

/** @param {import("../state/store.js").Store} store @param {Target} target */
export function report(store, target) {
  const problem = el("p.field-error", { role: "alert" });
  const text = el("textarea", { id: "report-text", rows: 3, maxLength: TEXT_LENGTH, dir: "auto" });
  const form = el(
    "form",
    { id: "report" },
    el("p.hint", {}, whatItIs(target)),
    el("fieldset", {}, el("legend.label", {}, gettext("What is wrong?")), ...reasons().map(choice)),
    el(
      "div.field",
      {},
      el(
        "label",
        { htmlFor: text.id },
        gettext("Is there anything else staff should know? (optional)"),
      ),
      text,
    ),
    problem,
  );
  const cancel = el("button.button", { onclick: () => dialog.close() }, gettext("Cancel"));
  const submit = el("button.button.primary", { type: "submit", form: form.id }, gettext("Report"));
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    submit.disabled = true;
    problem.textContent = "";
    const { kind, id } = target;
    try {
      await api("POST", "reports", {
        kind,
        id,
        reason: new FormData(form).get("reason"),
        text: text.value,
      });
      dialog.close();
      thank(store, target);
    } catch (error) {
      problem.textContent = /** @type {Error} */ (error).message;
      submit.disabled = false;
      submit.focus();
    }
  });
  const dialog = openDialog(gettext("Report to staff"), [form], [cancel, submit]);
  form.querySelector("input")?.focus();
}

/** @param {Target} target */
function whatItIs({ kind, title = "", person }) {
  const name = person?.name ?? "";
  if (kind === "message")
    return gettext(
      "A message from %(name)s. Staff will see it as it is now, even if it is edited or deleted later.",
      { name },
    );
  return kind === "person"
    ? gettext("%(name)s (their current name).", { name })
    : gettext("The chat “%(title)s”.", { title });
}

/** @returns {Array<[string, string]>} */
const reasons = () => [
  ["spam", gettext("Spam or advertising")],
  ["harassment", gettext("Insults or harassment")],
  ["violence", gettext("Violence or threats")],
  ["illegal", gettext("Something illegal")],
  ["impersonation", gettext("Pretending to be someone else")],
  ["other", gettext("Something else")],
];

/** @param {[string, string]} reason */
function choice([value, words]) {
  return el(
    "label.choice",
    {},
    el("input", { type: "radio", name: "reason", value, required: true }),
    el("span", {}, words),
  );
}

/** @param {import("../state/store.js").Store} store @param {Target} target */
function thank(store, { person }) {
  const done = el("button.button.primary", { onclick: () => dialog.close() }, gettext("Done"));
  const mayBlock = person && person.id !== store.me.id && !store.blocked.has(person.id);
  const further =
    mayBlock &&
    el(
      "button.button",
      {
        onclick: () => {
          dialog.close();
          block(store, person);
        },
      },
      gettext("Block %(name)s", { name: person.name }),
    );
  const dialog = openDialog(
    gettext("Thank you"),
    [
      el(
        "p",
        {},
        gettext(
          "Staff will look at it and decide what to do. Nobody else will know that you reported it.",
        ),
      ),
    ],
    further ? [further, done] : [done],
  );
  done.focus();
}
