/**
 * The account that this page belonged to is deleted: what this browser kept for it goes, too. What it keeps for
 * other people who sign in here stays.
 */
const marked = /** @type {?HTMLElement} */ (document.querySelector("[data-forget-person]"));
const forgetPerson = marked?.dataset.forgetPerson;
for (const key of Object.keys(localStorage)) {
  if (new RegExp(`^webchat\\.\\w+\\.${forgetPerson}\\.`).test(key)) localStorage.removeItem(key);
}
