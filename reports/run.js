// SPDX-License-Identifier: GPL-2.0-only
// What a reader does to the matrix: filter, sort, walk through it, open a cell's log. The page tells all without it.
// It reads and moves elements that are there and sets text; it never makes markup out of text.
"use strict";
(() => {
  const table = document.querySelector("table.matrix");
  const panel = document.getElementById("cell");
  const controls = document.getElementById("controls");
  const count = document.getElementById("count");
  let known = null;
  // What there is to filter and sort by; found out when somebody first asks, not while the page opens.
  const read = () => known ??= [...table.tBodies].map((body, place) => ({
    body, place, rows: [...body.rows].slice(1).map((row, at) => ({
      row, at, name: row.dataset.check.toLowerCase(), bad: row.querySelectorAll("td.fail, td.miss").length,
      cited: row.querySelector("td.cited") !== null,
      varies: new Set([...row.cells].slice(1).map((cell) => cell.classList[0])).size > 1,
    })),
  }));
  const heads = [...table.querySelectorAll(".heads th")];

  const kinds = { all: () => true, bad: (one) => one.bad > 0, cited: (one) => one.cited, varies: (one) => one.varies };
  const orders = {
    probe: (a, b) => a.at - b.at,
    name: (a, b) => (a.name < b.name ? -1 : 1),
    bad: (a, b) => b.bad - a.bad || a.at - b.at,
  };
  const worst = (group) => Math.max(0, ...group.rows.map((one) => one.bad));

  function show() {
    const bodies = read();
    const { words, kind, order, scenario } = controls.elements;
    const wanted = words.value.toLowerCase().split(/\s+/);
    let shown = 0;
    let all = 0;
    for (const group of bodies) {
      let here = 0;
      for (const one of group.rows) {
        one.row.hidden = !(kinds[kind.value](one) && wanted.every((word) => one.name.includes(word)));
        here += one.row.hidden ? 0 : 1;
        all += 1;
      }
      group.body.rows[0].hidden = here === 0;
      shown += here;
      group.body.append(...[...group.rows].sort(orders[order.value]).map((one) => one.row));
    }
    const places = [...bodies].sort((a, b) => (order.value === "bad" && worst(b) - worst(a)) || a.place - b.place);
    table.append(...places.map((group) => group.body));
    for (const cell of table.querySelectorAll("[data-scenario]")) {
      cell.hidden = scenario.value !== "" && cell.dataset.scenario !== scenario.value && cell.dataset.scenario !== "base";
    }
    if (scenario.value !== hiddenFor) {
      heads.forEach((head, column) => {
        for (const group of bodies) {
          for (const one of group.rows) one.row.cells[column + 1].hidden = head.hidden;
        }
      });
      hiddenFor = scenario.value;
    }
    count.textContent = `${shown} of ${all} rows`;
  }
  let hiddenFor = "";
  controls.addEventListener("input", show);
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("reset", () => setTimeout(show));
  controls.hidden = false;
  const every = table.querySelectorAll("tr[data-check]").length;
  count.textContent = `${every} of ${every} rows`;

  // The lines of the kernel log that are about one check, if its end has them; else all of it.
  function excerpt(log, check) {
    const lines = log.split("\n");
    const at = lines.findIndex((line) => `${line} `.includes(`kseries: enter ${check} `));
    if (at < 0) return log;
    const end = lines.findIndex((line, place) => place > at && `${line} `.includes(`kseries: leave ${check} `));
    return lines.slice(at, end < 0 ? undefined : end + 1).join("\n");
  }

  function open(cell) {
    const head = heads[cell.cellIndex - 1];
    const check = cell.parentElement.dataset.check;
    const said = panel.querySelector.bind(panel);
    said("h2").textContent = `${head.dataset.state}: ${check}`;
    said(".status").textContent = cell.title.slice(cell.title.indexOf(": ") + 2);
    const link = cell.querySelector("a[href^='#finding']");
    said(".finding-link").hidden = link === null;
    if (link) said(".finding-link").href = link.hash;
    said(".state-link").href = `#${head.dataset.anchor}`;
    said(".state-link").textContent = `all of ${head.dataset.state}`;
    const logs = document.getElementById(head.dataset.logs).querySelectorAll(":scope > .log");
    const places = panel.querySelector(".logs");
    places.replaceChildren(...[...logs].map((log) => {
      const part = document.createElement("details");
      const title = document.createElement("summary");
      const text = document.createElement("pre");
      title.textContent = log.querySelector("summary").textContent;
      text.textContent = excerpt(log.querySelector("pre").textContent, check);
      text.tabIndex = 0;
      part.append(title, text);
      return part;
    }));
    if (places.lastElementChild) places.lastElementChild.open = true;
    said(".no-log").hidden = logs.length > 0;
    panel.showModal();
  }
  panel.addEventListener("click", (event) => {
    if (event.target === panel || event.target.closest("a, button")) panel.close();
  });

  // A grid as ARIA has it: one stop of the Tab key, arrows within, Enter opens.
  let at = table.querySelector("tbody td");
  function go(cell) {
    at.removeAttribute("tabindex");
    at = cell;
    at.tabIndex = 0;
  }
  table.setAttribute("role", "grid");
  for (const link of table.querySelectorAll("tbody a")) link.tabIndex = -1;
  if (at) go(at);
  const beside = (cell, way) => {
    do cell = cell[way]; while (cell && cell.hidden);
    return cell && cell.tagName === "TD" ? cell : null;
  };
  const rows = () => [...table.querySelectorAll("tbody tr:not([hidden]):not(.section)")];
  const across = (cell, step) => {
    const all = rows();
    const row = all[all.indexOf(cell.parentElement) + step];
    return row && row.cells[cell.cellIndex];
  };
  const ways = {
    ArrowRight: (cell) => beside(cell, "nextElementSibling"),
    ArrowLeft: (cell) => beside(cell, "previousElementSibling"),
    ArrowDown: (cell) => across(cell, 1),
    ArrowUp: (cell) => across(cell, -1),
  };
  table.addEventListener("keydown", (event) => {
    const cell = event.target.closest("tbody td");
    if (!cell) return;
    if (event.key === "Enter" || event.key === " ") {
      open(cell);
    } else if (ways[event.key]) {
      const next = ways[event.key](cell);
      if (next) {
        go(next);
        next.focus();
      }
    } else {
      return;
    }
    event.preventDefault();
  });
  table.addEventListener("click", (event) => {
    const cell = event.target.closest("tbody td");
    if (!cell || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(cell);
    open(cell);
  });

  // A link into what is folded opens it.
  function unfold() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    if (target) target.scrollIntoView();
  }
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();
})();
