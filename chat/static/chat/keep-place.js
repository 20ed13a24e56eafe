/**
 * On the way in the address keeps its end: "/chats/7#12", asked for by somebody who is not signed in,
 * still means message 12 when they are. Browsers keep it over redirects, but not over links and forms.
 */
if (location.hash) {
  const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (
    document.querySelectorAll("a[href*='next=']")
  );
  for (const link of links) link.hash = location.hash;
  for (const form of document.forms) {
    const target = new URL(form.getAttribute("action") ?? location.href, location.href);
    target.hash = location.hash;
    form.action = target.href;
  }
}
