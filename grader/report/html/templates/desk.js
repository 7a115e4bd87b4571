"use strict";
(() => {
  const field = (id) => document.getElementById(id);
  const [list, entry, status, author, search, help] = ["list", "entry", "status", "author", "search", "help"].map(field);
  let { show } = list.dataset;
  let current = "";
  let sent = ""; // the current entry as the server sent it
  let isTogether = false; // equal answers are marked together
  let reason = "";
  let isBusy = false;
  let actions = 0; // how many have begun
  let deafUntil = 0;
  const PAUSE_MS = 400; // longer than between two keys of a typed sentence

  author.value = sessionStorage.getItem("author") || author.value;
  author.addEventListener("change", () => {
    sessionStorage.setItem("author", author.value);
    if (list.dataset.isDealt) switchTo(show); // another tutor sees other entries
  });

  const say = (text, isRefused = false) => {
    status.textContent = text;
    status.classList.toggle("refused", isRefused);
  };

  class Refusal extends Error {} // what the grader says instead of what was asked for

  const fail = (error) => say(error instanceof Refusal ? error.message : "The grader does not answer. Start it again, and open its new address: it shows what was saved.", true);

  const once = (action) => async (...given) => {
    if (isBusy) return;
    isBusy = true;
    actions += 1;
    entry.setAttribute("aria-busy", "true");
    try {
      await action(...given);
    } catch (error) {
      fail(error);
    } finally {
      isBusy = false;
      entry.setAttribute("aria-busy", "false");
    }
  };

  const asked = (more = {}) => new URLSearchParams({ author: author.value.trim(), ...more });

  const get = async (path) => {
    const answer = await fetch(path);
    const text = await answer.text();
    if (!answer.ok) throw new Refusal(text);
    return text;
  };

  // ---- the list ----------------------------------------------------------------------------------------------------

  const buttons = () => [...list.querySelectorAll("li:not([hidden]) [data-key]")];
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

  const showCurrent = () => {
    for (const one of list.querySelectorAll("[data-key]")) {
      const isCurrent = one.dataset.key === current;
      one.setAttribute("aria-current", String(isCurrent));
      one.tabIndex = isCurrent ? 0 : -1; // j and k go through the list; Tab passes it
    }
    const shown = list.querySelector('[aria-current="true"]');
    if (!shown) return;
    const isVisible = shown.offsetTop >= list.scrollTop && shown.offsetTop + shown.offsetHeight <= list.scrollTop + list.clientHeight;
    if (!isVisible) list.scrollTop = shown.offsetTop - list.clientHeight / 3;
  };

  const getList = () => get(`part/list?${asked({ show })}`);

  const putList = (html) => {
    list.innerHTML = html;
    filter();
    showCurrent();
  };

  const loadList = async () => putList(await getList());

  // Other tutors decide at the same time. What this one types or clicks meanwhile goes first.
  const refresh = async () => {
    if (isBusy) return;
    const begun = actions;
    try {
      const html = await getList();
      if (begun === actions) putList(html);
    } catch (error) {
      fail(error);
    }
  };

  // ---- one entry ---------------------------------------------------------------------------------------------------

  const boxes = () => [...entry.querySelectorAll("[data-also]")];
  const also = () => boxes().filter((box) => box.checked).flatMap((box) => box.dataset.also.split(" "));
  const focusEntry = () => (field("entry-title") || entry).focus({ preventScroll: true });

  const count = () => {
    const others = also().length;
    if (field("times")) field("times").textContent = others ? `for ${others + 1} together` : "";
  };

  const load = (key) => (key ? get(`part/entry/${key}?${asked()}`) : "");

  const open = async (key) => put(key, await load(key));

  const put = (key, html) => {
    sent = html;
    current = entry.dataset.shown = html ? key : "";
    entry.innerHTML = html || `<p class="lead">${show === "open" ? "Nothing here is open." : "Nothing is listed here."}</p>`;
    for (const box of entry.querySelectorAll("[data-equal]")) box.checked = isTogether;
    count();
    if (field("reason") && reason) field("reason").placeholder = `0: ${reason}`;
    entry.querySelector(".fault")?.scrollIntoView({ block: "nearest" });
    scrollTo(0, 0);
    showCurrent();
    focusEntry();
  };

  // After a refusal or a comment: what is said about the entry may have changed, but what was typed and ticked stays.
  const renew = async () => {
    const html = await load(current);
    if (html === sent) return;
    const fields = () => [...entry.querySelectorAll("input:not([type=checkbox])")];
    const name = (one) => one.id || one.dataset.item;
    const typed = new Map(fields().map((one) => [name(one), one.value]));
    const ticked = new Map(boxes().map((box) => [box.dataset.also, box.checked]));
    const isWholeOpen = field("whole")?.open;
    put(current, html);
    for (const box of boxes()) box.checked = ticked.get(box.dataset.also) ?? box.checked;
    count();
    for (const one of fields()) one.value = typed.get(name(one)) ?? "";
    if (isWholeOpen && field("whole")) field("whole").open = true;
  };

  // The next entry that is still listed, or else the first.
  const after = (before) => {
    const now = keys().filter((key) => key !== current);
    return before.slice(before.indexOf(current) + 1).find((key) => now.includes(key)) || now[0] || "";
  };

  // ---- actions -----------------------------------------------------------------------------------------------------

  const post = async (what, asked) => {
    const body = JSON.stringify({ key: current, author: author.value, ...asked });
    const answer = await fetch(`do/${what}`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
    const told = await answer.json();
    say(told.refused || told.message, Boolean(told.refused));
    return told.refused ? null : told;
  };

  const decide = async (points, seen, keysToo = []) => {
    const before = keys();
    const text = field("reason").value.trim();
    if (!(await post("decide", { points, seen, text, also: keysToo }))) {
      await loadList();
      return renew();
    }
    reason = text || reason;
    await loadList();
    await open(after(before));
  };

  const give = once(async (points) => {
    const choices = entry.querySelector(".choices");
    if (!choices) return say(field("whole") ? "These are several parts: give their points in the table (w)." : "There are no points to give here.", true);
    const { item, seen } = choices.dataset;
    return decide({ [item]: points }, { [item]: seen }, also());
  });

  const saveWhole = once(() => {
    const filled = [...entry.querySelectorAll(".whole [data-item]")].filter((one) => one.value.trim());
    const of = (value) => Object.fromEntries(filled.map((one) => [one.dataset.item, value(one)]));
    return decide(of((one) => one.value.trim()), of((one) => one.dataset.seen));
  });

  const undo = once(async () => {
    const told = await post("undo", { key: "" });
    if (!told) return;
    await loadList();
    await open(told.key);
  });

  const comment = once(async () => {
    if (!(await post("comment", { text: field("comment").value }))) return;
    field("comment").value = "";
    await renew();
  });

  const look = once(async (flag) => {
    const before = keys();
    const isAlone = Boolean(entry.querySelector("[data-flags]")); // otherwise there are points to give as well
    const isSaved = await post("look", { flag, text: isAlone ? field("reason").value.trim() : "" });
    await loadList();
    const isDone = isAlone && (isSaved || !keys().includes(current));
    await (isDone ? open(after(before)) : renew());
  });

  const openOnce = once(open);

  const figures = once(async () => {
    field("figures").querySelector("div").innerHTML = await get("part/figures");
    field("figures").showModal();
  });

  const go = (step) => {
    const now = keys();
    const at = now.indexOf(current);
    const next = at < 0 ? now[0] : now[at + step];
    if (next) return openOnce(next);
    return say(step > 0 ? "This is the last entry." : "This is the first entry.");
  };

  const first = (section) => section.querySelector("li:not([hidden]) [data-key]")?.dataset.key;

  const nextQuestion = () => {
    const sections = [...list.querySelectorAll("section")];
    const at = sections.findIndex((one) => one.querySelector(`[data-key="${current}"]`));
    const next = sections.slice(at + 1).find(first);
    return next ? openOnce(first(next)) : say("This is the last question.");
  };

  const switchTo = once(async (chosen) => {
    show = chosen;
    await loadList();
    await open(keys()[0]);
  });

  const whole = () => {
    if (!field("whole")) return;
    field("whole").open = true;
    field("whole").querySelector("input").focus();
  };

  const group = () => {
    const next = boxes().find((box) => !box.checked);
    if (!next) return say(boxes().length ? "All of these are marked together; Esc marks this one alone." : "Nothing here is alike.");
    next.checked = true;
    if ("equal" in next.dataset) isTogether = true;
    count();
  };

  const alone = () => {
    for (const box of boxes()) box.checked = false;
    isTogether = false;
    count();
  };

  // ---- keys and clicks ---------------------------------------------------------------------------------------------

  const pressed = {
    1: () => give("full"),
    5: () => give("half"),
    0: () => give("none"),
    a: () => give("accept"),
    p: () => field("points")?.focus(),
    r: () => field("reason")?.focus(),
    c: () => field("comment")?.focus(),
    f: () => (entry.querySelector("[data-flag]") ? entry.querySelector("[data-flag]").click() : say("No flag that waits is shown here.")),
    g: group,
    w: whole,
    s: () => go(1),
    j: () => go(1),
    k: () => go(-1),
    n: nextQuestion,
    u: undo,
    o: () => (list.querySelector('[aria-pressed="true"] + button') || list.querySelector("button")).click(),
    v: () => entry.querySelector(".sheet-link a")?.click(),
    "/": () => search.focus(),
    t: figures,
    "?": () => help.showModal(),
    Escape: alone,
  };

  const used = (digit) => (digit === "0" ? reason : entry.querySelectorAll(".bank [data-text]")[digit - 1]?.dataset.text);

  const typed = (event) => {
    const { target, key } = event;
    if (key === "Escape") focusEntry();
    else if (["reason", "comment"].includes(target.id) && !target.value && /^\d$/.test(key) && used(key)) target.value = used(key);
    else if (key === "Enter" && !target.closest("form")) {
      if (target.id === "points") give(target.value.trim());
      else if (target.id === "comment") comment();
      else if (target === search) openOnce(keys()[0]);
      else focusEntry();
    } else return;
    event.preventDefault();
  };

  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
    // A key that comes before the next entry is shown would act on an entry that nobody has seen, and the sentence after
    // an r that came too early would be taken for keys. So nothing is done until there is a pause.
    if (isBusy || event.timeStamp < deafUntil) {
      event.preventDefault();
      deafUntil = event.timeStamp + PAUSE_MS;
      if (!isBusy) say("Those keys came before this entry was shown, so nothing was done.", true);
      return;
    }
    if (target.matches("input:not([type=checkbox])")) return typed(event);
    if (target.matches("button, summary, a, [type=checkbox]") && [" ", "Enter"].includes(key)) return;
    const act = pressed[key] || (entry.querySelector(`[data-digit="${CSS.escape(key)}"]`) && (() => entry.querySelector(`[data-digit="${key}"]`).click()));
    if (!act || event.repeat) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { key, points, text, all, flag } = button.dataset;
    if (key) openOnce(key);
    else if (points) give(points);
    else if (flag) look(flag);
    else if (button.dataset.show) switchTo(button.dataset.show);
    else if (text) field("reason").value = text;
    else if (all !== undefined) {
      for (const one of entry.querySelectorAll(".whole [data-item]")) one.value = one.dataset[all] ?? (all === "none" ? "0" : "");
    } else if (button.matches(".heading")) openOnce(first(button.closest("section")) || current);
    else if (button.id === "help-button") help.showModal();
    else if (button.id === "figures-button") figures();
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".whole")) return;
    event.preventDefault();
    saveWhole();
  });

  entry.addEventListener("change", count);
  search.addEventListener("input", filter);
  window.addEventListener("focus", refresh);

  once(async () => {
    await loadList();
    await open(keys()[0]);
  })();
})();
