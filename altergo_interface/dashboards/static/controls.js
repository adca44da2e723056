"use strict";
// One range of time for all plots: by dragging in any of them, by the buttons, the dates, or the keyboard.

const DAY_MS = 86_400_000;
const SHORTEST_MS = 1_000;

function setView(from, to) {
  if (!page.view || !(to - from >= SHORTEST_MS)) return;
  page.view = [from, to];
  redrawAll();
  showRange();
}

function milliseconds(text) {
  const spaced = typeof text === "string" ? text.replace(" ", "T") : text;
  return typeof spaced === "string" ? Date.parse(/Z$|[+-]\d\d:\d\d$/.test(spaced) ? spaced : spaced + (spaced.includes("T") ? "Z" : "T00:00Z")) : spaced;
}

function followZoom(element) {
  element.on("plotly_relayout", (change) => {
    // A double click asks for what the plot has shown first, be that a part.
    if (change["xaxis.autorange"] || change["xaxis.range"]) setView(...page.data.span);
    else if (change["xaxis.range[0]"] !== undefined) setView(milliseconds(change["xaxis.range[0]"]), milliseconds(change["xaxis.range[1]"]));
  });
}

function moved(share) {
  const step = (page.view[1] - page.view[0]) * share;
  setView(page.view[0] + step, page.view[1] + step);
}

function scaled(factor) {
  const middle = (page.view[0] + page.view[1]) / 2, half = ((page.view[1] - page.view[0]) * factor) / 2;
  setView(middle - half, middle + half);
}

function lastDays(days) {
  setView(Math.max(page.data.span[0], page.data.span[1] - days * DAY_MS), page.data.span[1]);
}

const ACTIONS = {
  all: () => setView(...page.data.span), earlier: () => moved(-0.5), later: () => moved(0.5), in: () => scaled(0.5),
  out: () => scaled(2), day: () => lastDays(1), week: () => lastDays(7), month: () => lastDays(30),
};
const KEYS = { ArrowLeft: "earlier", ArrowRight: "later", "+": "in", "=": "in", "-": "out", 0: "all" };

function iso(ms) {
  return new Date(ms).toISOString().slice(0, 16);
}

function showRange() {
  const [from, to] = ["from", "to"].map((name) => document.getElementById(name));
  if (!from || !page.view) return;
  from.value = iso(page.view[0]);
  to.value = iso(page.view[1]);
  // A range ends before its second time: the minute after the last sample.
  const command = document.getElementById("command");
  if (command) command.textContent = `${page.data.command} --from ${iso(page.view[0])}Z --to ${iso(page.view[1] + 60_000)}Z`;
}

function connectControls() {
  document.querySelectorAll("[data-action]").forEach((button) => button.addEventListener("click", ACTIONS[button.dataset.action]));
  const dates = ["from", "to"].map((name) => document.getElementById(name)).filter(Boolean);
  dates.forEach((date) => date.addEventListener("change", () => {
    const [from, to] = dates.map((one) => milliseconds(one.value));
    dates[1].setCustomValidity(to > from ? "" : "The range must end after it begins.");
    if (dates[1].reportValidity()) setView(from, to);
  }));
  document.addEventListener("keydown", (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
    if (!action || !page.view || event.target.closest("input, select, .dt-container")) return;
    event.preventDefault();
    ACTIONS[action]();
  });
  showRange();
}
