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
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
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
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
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
  table.classList.add("live");
  document.getElementById("controls").hidden = false;
  choose(); // after a reload the browser may have filled in the fields
})();
