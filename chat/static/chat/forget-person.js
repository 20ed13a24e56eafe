/**
 * The account that this page belonged to is deleted: what this browser kept for it goes, too. What it keeps for
 * other people who sign in here stays.
 */
const { forgetPerson } = document.querySelector("[data-forget-person]").dataset;
for (const key of Object.keys(localStorage)) {
  if (new RegExp(`^webchat\\.\\w+\\.${forgetPerson}\\.`).test(key)) localStorage.removeItem(key);
}
