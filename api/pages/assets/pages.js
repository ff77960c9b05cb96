"use strict";
// Pages work without this: it adds copy buttons, and lets the log of a running release grow.

for (const command of document.querySelectorAll("pre.command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy quiet";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(command);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  const frame = document.createElement("div");
  frame.className = "copyable";
  command.replaceWith(frame);
  frame.append(command, button);
}

const log = document.querySelector("pre[data-log]");
if (log) {
  const POLL_MILLISECONDS = 2000;
  const FAILURES_MAX = 30;
  const note = document.querySelector("[data-live-note]");
  let failures = 0;
  log.scrollTop = log.scrollHeight;
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(log.dataset.log, { cache: "no-store", redirect: "manual" });
        // A redirect means that the session is over: the page itself leads to the login.
        if (answer.type === "opaqueredirect") return location.reload();
        if (!answer.ok) throw new Error(answer.statusText);
        if (answer.headers.get("pkgdeploy-progress") !== log.dataset.progress) return location.reload();
        const text = await answer.text();
        if (text !== log.textContent) {
          const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
          log.textContent = text;
          if (follows) log.scrollTop = log.scrollHeight;
        }
        failures = 0;
        note.textContent = "live";
      } catch {
        failures += 1;
        note.textContent = failures < FAILURES_MAX ? "the server does not answer, asking again" : "the server does not answer";
        if (failures >= FAILURES_MAX) return;
      }
    }
    setTimeout(look, POLL_MILLISECONDS);
  };
  setTimeout(look, POLL_MILLISECONDS);
}
