// Beside Streamlit's own scripts on every page: says when the session has ended, and signs out.
"use strict";
(() => {
  const CHECK_MS = 10000;
  let account = null;
  let cover = null;
  let typedIn = null; // the form that was typed in last

  async function check() {
    let answer;
    try {
      answer = await fetch("/session", { cache: "no-store" });
    } catch {
      return; // the server cannot be reached, which says nothing about the session
    }
    if (answer.status === 401) {
      showCover();
    } else if (answer.ok) {
      const now = (await answer.json()).account;
      account ??= now;
      if (now !== account) {
        typedIn = null;
        window.dispatchEvent(new Event("triage:other-account"));
        location.reload(); // somebody else signed in: nothing of the former session stays shown
      } else {
        hideCover();
      }
    }
  }

  // The page below keeps what was typed; it is neither visible nor reachable by keyboard.
  function showCover() {
    if (cover) {
      return;
    }
    cover = document.createElement("div");
    cover.className = "session-ended";
    cover.setAttribute("role", "alertdialog");
    cover.setAttribute("aria-labelledby", "session-ended-title");
    const box = document.createElement("div");
    const title = document.createElement("h2");
    title.id = "session-ended-title";
    title.textContent = "Your session has ended";
    const text = document.createElement("p");
    text.textContent =
      "Sign in again in another tab, then go on here: what you have typed is kept on this page.";
    const link = document.createElement("a");
    link.href = "/login";
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = "Sign in again";
    box.append(title, text, link);
    cover.append(box);
    for (const part of document.body.children) {
      part.inert = true;
    }
    document.body.append(cover);
    link.focus();
  }

  function hideCover() {
    if (!cover) {
      return;
    }
    cover.remove();
    cover = null;
    for (const part of document.body.children) {
      part.inert = false;
    }
  }

  // Signing out is a POST with a token; the page /logout holds both in its form.
  async function signOut() {
    const text = await (await fetch("/logout", { cache: "no-store" })).text();
    const form = new DOMParser().parseFromString(text, "text/html").querySelector('form[action="/logout"]');
    if (form) {
      // Nothing of a case stays in the page that the browser may keep for its Back button.
      document.body.replaceChildren(document.adoptNode(form));
      form.submit();
    } else {
      location.assign("/login");
    }
  }

  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest?.("a[href]");
      if (link && link.origin === location.origin && link.pathname === "/logout") {
        event.preventDefault();
        event.stopPropagation();
        signOut();
      }
    },
    true,
  );
  // What is typed in a form is on this page only until it is sent, so leaving asks first.
  for (const kind of ["input", "click"]) {
    document.addEventListener(
      kind,
      (event) => {
        if (event.target.closest?.("[data-testid=stForm]") && !event.target.closest("button")) {
          typedIn = event.target.closest("[data-testid=stForm]");
        }
      },
      true,
    );
  }
  window.addEventListener("beforeunload", (event) => {
    if (typedIn?.isConnected) {
      event.preventDefault();
    }
  });
  document.addEventListener("visibilitychange", () => document.hidden || check());
  window.addEventListener("focus", check);
  window.addEventListener("triage:session-ended", check); // a step was refused for that reason
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      location.reload(); // kept by the browser for its Back button: the server decides anew
    }
  });
  check();
  setInterval(check, CHECK_MS);
})();
