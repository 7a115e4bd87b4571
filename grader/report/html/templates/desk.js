"use strict";
(() => {
  const list = document.getElementById("list");
  const entry = document.getElementById("entry");
  const status = document.getElementById("status");
  const author = document.getElementById("author");
  const search = document.getElementById("search");
  const help = document.getElementById("help");
  const shows = ["open", "done", "mine"];
  let show = "open";
  let current = "";
  let followers = [];
  let takesGroup = false;
  let reason = "";
  let isBusy = false;

  author.value = sessionStorage.getItem("author") || author.value;
  author.addEventListener("change", () => sessionStorage.setItem("author", author.value));

  const say = (text, isRefused = false) => {
    status.textContent = text;
    status.classList.toggle("refused", isRefused);
  };

  const get = async (path) => {
    const answer = await fetch(path);
    return answer.ok ? answer.text() : null;
  };

  // ---- the list ----------------------------------------------------------------------------------------------------

  const buttons = () => Array.from(list.querySelectorAll("[data-key]")).filter((one) => !one.closest("li").hidden);
  const keys = () => buttons().map((one) => one.dataset.key);

  // Decomposed and without accents, so that "nunez" finds "Núñez".
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

  const filter = () => {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    for (const item of list.querySelectorAll("li")) {
      const text = plain(item.textContent);
      item.hidden = !words.every((word) => text.includes(word));
    }
  };

  const mark = () => {
    for (const one of list.querySelectorAll("[data-key]")) {
      const isCurrent = one.dataset.key === current;
      one.setAttribute("aria-current", String(isCurrent));
      if (isCurrent) one.scrollIntoView({ block: "nearest" });
    }
  };

  const loadList = async () => {
    const html = await get(`part/list?${new URLSearchParams({ show, author: author.value.trim() })}`);
    if (html === null) return say("The list could not be loaded: is the grader still running?", true);
    list.innerHTML = html;
    filter();
    mark();
  };

  // ---- one entry ---------------------------------------------------------------------------------------------------

  const field = (id) => document.getElementById(id);

  const open = async (key) => {
    const html = key ? await get(`part/entry/${key}`) : "";
    current = html ? key : "";
    takesGroup = false;
    entry.innerHTML = html || `<p class="lead">${show === "open" ? "Nothing here is open." : "Nothing is listed here."}</p>`;
    mark();
    const title = field("entry-title");
    if (field("reason") && reason) field("reason").placeholder = `r, then 0: ${reason}`;
    (title || entry).focus({ preventScroll: true });
  };

  const after = (before, step) => {
    const now = keys();
    const at = before.indexOf(current);
    const later = before.slice(at + 1).find((key) => now.includes(key));
    if (step < 0) return before.slice(0, Math.max(at, 0)).reverse().find((key) => now.includes(key)) || current;
    return later || now.find((key) => key !== current) || (show === "open" && now.includes(current) ? current : "");
  };

  // ---- actions -----------------------------------------------------------------------------------------------------

  const post = async (what, asked) => {
    if (isBusy) return null;
    isBusy = true;
    try {
      const body = JSON.stringify({ key: current, author: author.value, ...asked });
      const answer = await fetch(`do/${what}`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
      const told = await answer.json();
      say(told.refused || told.message, Boolean(told.refused));
      return told.refused ? null : told;
    } catch {
      say("Nothing was saved: the grader does not answer. Start it again, and open its new address.", true);
      return null;
    } finally {
      isBusy = false;
    }
  };

  const decide = async (points, seen) => {
    const before = keys();
    const text = field("reason").value.trim();
    if (!(await post("decide", { points, seen, text }))) return;
    if (text) reason = text;
    await loadList();
    await open(after(before, 1));
  };

  const give = (points) => {
    const choices = entry.querySelector(".choices");
    if (!choices) return say("Several parts: press w, or open the student's page.", true);
    const { item, seen } = choices.dataset;
    return decide({ [item]: points }, { [item]: seen });
  };

  const undo = async () => {
    const told = await post("undo", { key: "" });
    if (!told) return;
    await loadList();
    await open(told.key);
  };

  const comment = async () => {
    if (!(await post("comment", { text: field("comment").value }))) return;
    const key = current;
    await loadList();
    await open(key);
  };

  const go = (step) => {
    const now = keys();
    const at = now.indexOf(current);
    const next = now[at + step];
    if (next) return open(next);
    return say(step > 0 ? "This was the last entry." : "This is the first entry.");
  };

  const nextQuestion = () => {
    const sections = Array.from(list.querySelectorAll("section"));
    const at = sections.findIndex((one) => one.querySelector(`[data-key="${current}"]`));
    const next = sections.slice(at + 1).find((one) => one.querySelector("li:not([hidden])"));
    return next ? open(next.querySelector("li:not([hidden]) [data-key]").dataset.key) : say("This was the last question.");
  };

  const switchTo = async (chosen) => {
    show = chosen;
    await loadList();
    await open(keys()[0] || "");
  };

  const whole = () => {
    const panel = field("whole");
    if (!panel) return;
    panel.open = true;
    panel.querySelector("input").focus();
  };

  const saveWhole = () => {
    const filled = Array.from(entry.querySelectorAll(".whole [data-item]")).filter((one) => one.value.trim());
    const points = Object.fromEntries(filled.map((one) => [one.dataset.item, one.value.trim()]));
    const seen = Object.fromEntries(filled.map((one) => [one.dataset.item, one.dataset.seen]));
    return decide(points, seen);
  };

  // ---- keys and clicks ---------------------------------------------------------------------------------------------

  const enter = (id) => {
    const target = field(id);
    if (target) target.focus();
  };

  const pressed = {
    1: () => give("full"),
    5: () => give("half"),
    0: () => give("none"),
    a: () => give("accept"),
    p: () => enter("points"),
    r: () => enter("reason"),
    c: () => enter("comment"),
    w: whole,
    s: () => go(1),
    j: () => go(1),
    k: () => go(-1),
    n: nextQuestion,
    u: undo,
    o: () => switchTo(shows[(shows.indexOf(show) + 1) % shows.length]),
    "/": () => search.focus(),
    "?": () => help.showModal(),
  };

  const used = (digit) => (digit === "0" ? reason : entry.querySelectorAll(".bank [data-text]")[Number(digit) - 1]?.dataset.text);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    const { target, key } = event;
    if (target.matches("input")) {
      if (key === "Escape") {
        target.blur();
        (field("entry-title") || entry).focus();
      } else if (["reason", "comment"].includes(target.id) && !target.value && /^\d$/.test(key) && used(key)) {
        target.value = used(key);
        event.preventDefault();
      } else if (key === "Enter" && !target.closest("form")) {
        event.preventDefault();
        if (target.id === "points") give(target.value.trim());
        else if (target.id === "comment") comment();
        else if (target === search) open(keys()[0] || "");
        else (field("entry-title") || entry).focus();
      }
      return;
    }
    if (target.matches("button, summary, a") && [" ", "Enter"].includes(key)) return;
    if (pressed[key]) {
      event.preventDefault();
      pressed[key]();
    }
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { key, points, text, all } = button.dataset;
    if (key) open(key);
    else if (points) give(points);
    else if (button.dataset.show) switchTo(button.dataset.show);
    else if (text) field("reason").value = text;
    else if (all !== undefined) {
      for (const one of entry.querySelectorAll(".whole [data-item]")) one.value = one.dataset[all] ?? (all === "none" ? "0" : "");
    } else if (button.matches(".question")) {
      const first = button.closest("section").querySelector("li:not([hidden]) [data-key]");
      if (first) open(first.dataset.key);
    } else if (button.id === "help-button") help.showModal();
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".whole")) return;
    event.preventDefault();
    saveWhole();
  });

  search.addEventListener("input", filter);
  // Other tutors decide at the same time.
  window.addEventListener("focus", loadList);

  loadList().then(() => open(keys()[0] || ""));
})();
