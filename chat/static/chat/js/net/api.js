/** Requests over HTTP: JSON in and out, errors with the server's own code and words. */

import { gettext } from "../base/i18n.js";

/** What did not work: `code` for the program, `message` for the person. */
export class RequestError extends Error {
  /** @param {string} code @param {string} message @param {number} [retryAfterSeconds] */
  constructor(code, message, retryAfterSeconds) {
    super(message);
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Nothing is wrong with the request itself: it can be sent again. */
  get isPassing() {
    return ["offline", "timeout", "unavailable", "too_many", "signed_out"].includes(this.code);
  }
}

export const offlineError = () =>
  new RequestError("offline", gettext("There is no connection. Try again when it is back."));

/** Whether an answer, or a refusal, shows that this page's person is not the one signed in here. @param {any} answer @param {number} userId */
export const isSignedOut = ({ code, user }, userId) =>
  code === "signed_out" || (user && user.id !== userId);

/**
 * @param {string} method @param {string} path  below /api/
 * @param {any} [body]
 * @returns {Promise<any>}
 */
export async function api(method, path, body) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrfToken() };
  let response;
  try {
    response = await fetch(`/api/${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
  } catch {
    throw offlineError();
  }
  if (response.status === 204) return {};
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  throw errorOf(response, answer);
}

/**
 * Sends one file, reporting how much of it has been sent (0 to 1).
 * @param {string} path @param {File} file @param {(share: number) => void} tell
 * @returns {{answer: Promise<any>, abort: () => void}}
 */
export function upload(path, file, tell) {
  // fetch cannot report progress.
  const request = new XMLHttpRequest();
  const answer = new Promise((resolve, reject) => {
    request.upload.onprogress = ({ loaded, total }) => tell(loaded / total);
    request.onload = () =>
      request.status === 201
        ? resolve(request.response)
        : reject(errorOf(request, request.response));
    request.onerror = request.onabort = () => reject(offlineError());
    request.open("POST", `/api/${path}`);
    request.responseType = "json";
    request.setRequestHeader("X-CSRFToken", csrfToken());
    const form = new FormData();
    form.append("file", file);
    request.send(form);
  });
  return { answer, abort: () => request.abort() };
}

/** @param {{status: number}} response @param {any} answer */
function errorOf(response, answer) {
  if (response.status === 401)
    return new RequestError("signed_out", gettext("You are signed out. Sign in again."));
  const { code, detail, retry_after: retryAfter } = answer?.error ?? {};
  if (code) return new RequestError(code, detail, retryAfter);
  if (response.status >= 500)
    return new RequestError(
      "unavailable",
      gettext("The server is not responding right now. Try again in a moment."),
      3,
    );
  return new RequestError("error", gettext("That did not work. Try again."));
}

/** The page has a form with a token, so the cookie is set. */
function csrfToken() {
  const name = `${document.documentElement.dataset.cookies}csrftoken=`;
  return (
    document.cookie
      .split("; ")
      .find((cookie) => cookie.startsWith(name))
      ?.slice(name.length) ?? ""
  );
}
