"use strict";
(() => {
  const table = document.getElementById("roster");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const headers = Array.from(table.tHead.rows[0].cells);
  const search = document.getElementById("search");
  const filter = document.getElementById("filter");
  const shownRows = document.getElementById("shown");
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  // Without accents and in one case, so that "nunez" finds "Núñez" and "STRASSE" finds "Straße".
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toUpperCase().toLowerCase();
  const texts = new Map(rows.map((row) => [row, folded(row.textContent)]));
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
    const words = folded(search.value).split(/\s+/).filter(Boolean);
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

  table.classList.add("live");
  document.getElementById("controls").hidden = false;
  choose(); // after a reload the browser may have filled in the fields
})();
