"use strict";
(() => {
  const search = document.getElementById("search");
  const filter = document.getElementById("filter");
  const shownRows = document.getElementById("shown");
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  // Without accents and in one case, so that "nunez" finds "Núñez" and "STRASSE" finds "Straße".
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toUpperCase().toLowerCase();
  const wanted = () => folded(search.value).split(/\s+/).filter(Boolean);

  // A table that sorts and is searched. Returns the function that shows the rows that the reader chose.
  const withRows = (table) => {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const headers = Array.from(table.tHead.rows[0].cells);
    const texts = new Map(rows.map((row) => [row, folded(row.textContent)]));
    const everybody = document.getElementById("everybody"); // the search over all pages of a large table
    const link = everybody?.getAttribute("href");
    let order = "";

    // A cell's data-value if it has one, else its text. Missing values come last in both directions.
    const valueOf = (row, column, isNumber) => {
      const cell = row.cells[column];
      const text = cell.dataset.value ?? cell.textContent.trim();
      if (!isNumber) return text || null;
      const number = parseFloat(text);
      return Number.isNaN(number) ? null : number;
    };

    const updateStatus = () => {
      const shown = rows.filter((row) => !row.hidden).length;
      shownRows.textContent = `${shown} of ${rows.length} shown${order}`;
    };

    const sortBy = (column) => {
      const header = headers[column];
      const isNumber = "number" in header.dataset;
      const isDown = header.getAttribute("aria-sort") === "ascending";
      const sign = isDown ? -1 : 1;
      const keyed = rows.map((row) => [valueOf(row, column, isNumber), row]);
      keyed.sort(([first], [second]) => {
        if (first === null || second === null) return (first === null) - (second === null);
        return sign * (isNumber ? first - second : collator.compare(first, second));
      });
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      const [rising, falling] = isNumber ? ["lowest first", "highest first"] : ["first to last", "last to first"];
      order = `, by ${header.textContent.trim()}, ${isDown ? falling : rising}`;
      body.append(...keyed.map(([, row]) => row));
      updateStatus();
    };

    const choose = () => {
      const words = wanted();
      if (everybody) everybody.href = link.replace(/#.*/, `#find=${encodeURIComponent(search.value)}`);
      for (const row of rows) {
        const isChosen = !filter.value || row.dataset.is.split(" ").includes(filter.value);
        row.hidden = !(isChosen && words.every((word) => texts.get(row).includes(word)));
      }
      updateStatus();
    };

    headers.forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sortBy(column));
      header.append(button);
    });
    table.classList.add("live");
    return choose;
  };

  // The search over all pages of a large table: shows the first students that are found, with links to their pages.
  const overPages = (table, { statuses, pages, students }) => {
    const MOST = 200;
    const texts = students.map(([name, number]) => folded(`${name} ${number}`));
    const cell = (row, text, label) => {
      const made = row.insertCell();
      made.setAttribute("role", "cell");
      if (label) [made.className, made.dataset.label] = ["number", label];
      made.append(text);
      return made;
    };
    const linked = (text, href) => {
      const link = document.createElement("a");
      link.href = href;
      link.textContent = text;
      return link;
    };
    const shown = ([name, number, page, status, total, open, , at]) => {
      const row = document.createElement("tr");
      row.setAttribute("role", "row");
      const [value, sign, word] = statuses[status];
      const badge = document.createElement("span");
      badge.className = `badge ${value}`;
      badge.textContent = `${sign} ${word}`;
      const who = document.createElement("th");
      who.scope = "row";
      who.setAttribute("role", "rowheader");
      const id = document.createElement("span");
      id.className = "id";
      id.textContent = number;
      who.append(page ? linked(name, page) : name, " ", id);
      row.append(who);
      cell(row, badge).className = "status";
      cell(row, total, "Total");
      cell(row, open || "–", "Open");
      cell(row, linked(`page ${at + 1}`, pages[at]));
      return row;
    };
    if (location.hash.startsWith("#find=")) search.value = decodeURIComponent(location.hash.slice("#find=".length));
    return () => {
      const words = wanted();
      const isAsked = words.length || filter.value;
      const found = !isAsked ? [] : students.filter(([, , , , , , classes], at) =>
        (!filter.value || classes.includes(filter.value)) && words.every((word) => texts[at].includes(word)));
      table.tBodies[0].replaceChildren(...found.slice(0, MOST).map(shown));
      table.hidden = !found.length;
      const first = found.length > MOST ? `, the first ${MOST} shown` : "";
      shownRows.textContent = isAsked ? `${found.length} of ${students.length} found${first}` : "";
    };
  };

  const directory = document.getElementById("directory");
  const choose = directory
    ? overPages(document.getElementById("found"), JSON.parse(directory.textContent))
    : withRows(document.getElementById("roster"));
  search.addEventListener("input", choose);
  filter.addEventListener("change", choose);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    search.value = "";
    choose();
  });
  const localTime = new Intl.DateTimeFormat(undefined, {
    day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  for (const time of document.querySelectorAll("time")) {
    time.title = time.textContent;
    time.textContent = localTime.format(new Date(time.dateTime));
  }

  // The command with the folder that this page was opened from, quoted for the reader's shell.
  const command = document.getElementById("command");
  if (command && location.protocol === "file:") {
    const isWindows = /^\/[A-Za-z]:/.test(location.pathname);
    const path = decodeURIComponent(location.pathname).replace(/\/[^/]*$/, "");
    const folder = isWindows ? path.slice(1) : path;
    const quoted = isWindows ? `"${folder}"` : `'${folder.replaceAll("'", "'\\''")}'`;
    document.getElementById("folder").textContent = /^[\w@%+=:,./-]+$/.test(folder) ? folder : quoted;
    const copy = document.createElement("button");
    copy.type = "button";
    copy.textContent = "Copy";
    copy.addEventListener("click", async () => {
      getSelection().selectAllChildren(command); // what Ctrl+C copies where the browser does not let a page copy
      try {
        await navigator.clipboard.writeText(command.textContent);
        copy.textContent = "Copied";
      } catch {
        copy.textContent = "Selected: press Ctrl+C";
      }
    });
    command.after(" ", copy);
  }

  document.getElementById("controls").hidden = false;
  choose(); // after a reload the browser may have filled in the fields
})();
