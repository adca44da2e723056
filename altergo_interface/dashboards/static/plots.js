"use strict";
// Draws the page's figures, in the colours that the reader prefers, with as many samples as the screen has columns.

const PALETTES = {
  // Okabe and Ito's colours, which people with any colour vision can tell apart; lighter ones on a dark ground.
  light: {
    ink: "#1b1f24", soft: "#57606a", rule: "#e3e7eb", lines: ["#0072b2", "#d55e00", "#009e73", "#7b4fa3"],
    critical: "213,94,0", warning: "230,159,0", rest: "86,180,233", imbalance: "204,121,167", gap: "120,128,136",
    bars: "#0072b2", flagged: "#d55e00", stacks: ["#e69f00", "#d55e00"], label: "#ffffff",
  },
  dark: {
    ink: "#e6e9ed", soft: "#a2acb8", rule: "#2b323b", lines: ["#56b4e9", "#ff9a5c", "#2bcb9b", "#c9a3e6"],
    critical: "255,138,80", warning: "240,184,73", rest: "86,180,233", imbalance: "227,155,196", gap: "150,160,170",
    bars: "#56b4e9", flagged: "#ff9a5c", stacks: ["#f0b849", "#ff9a5c"], label: "#171b21",
  },
};
// Kinds of bands differ by their hatching, too, so that nothing depends on colour alone.
const HATCHES = { critical: "x", warning: "/", rest: "", imbalance: "\\", gap: "." };
const STRENGTH = { critical: 0.5, warning: 0.45, rest: 0.7, imbalance: 0.3, gap: 0.35 };

const page = { data: null, series: {}, view: null, dark: false, printing: false, drawn: new Set() };

function palette() {
  return PALETTES[page.dark && !page.printing ? "dark" : "light"];
}

function decoded(packed) {
  const t = new Float64Array(packed.t.length);
  let at = 0;
  packed.t.forEach((step, i) => { t[i] = at += step; });
  return { t, x: packed.x };
}

function firstAtOrAfter(t, value) {
  let low = 0, high = t.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

// The samples within a range and one on either side; of each column of the screen the first, last, least and greatest.
function thinned(series, from, to, columns) {
  const begin = Math.max(0, firstAtOrAfter(series.t, from) - 1);
  const end = Math.min(series.t.length, firstAtOrAfter(series.t, to) + 1);
  const t = [], x = [];
  const take = (i) => { t.push(series.t[i]); x.push(series.x[i]); };
  if (end - begin <= 4 * columns) {
    for (let i = begin; i < end; i++) take(i);
    return { t, x };
  }
  const width = (to - from) / columns;
  for (let i = begin; i < end;) {
    const column = Math.floor((series.t[i] - from) / width);
    let least = i, greatest = i, last = i;
    const kept = new Set([i]);
    for (; i < end && Math.floor((series.t[i] - from) / width) === column; i++) {
      if (series.x[i] === null) { kept.add(i); continue; }
      if (series.x[least] === null || series.x[i] < series.x[least]) least = i;
      if (series.x[greatest] === null || series.x[i] > series.x[greatest]) greatest = i;
      last = i;
    }
    [least, greatest, last].forEach((one) => kept.add(one));
    [...kept].sort((a, b) => a - b).forEach(take);
  }
  return { t, x };
}

function bandTrace(band) {
  const colour = palette()[band.kind], x = [], y = [];
  // Rests are most of a car's time: a strip at the foot, so that the plot is not all rest.
  const top = band.kind === "rest" ? 0.05 : 1;
  for (const [a, b] of band.spans) {
    x.push(a, a, b, b, a, null);
    y.push(0, top, top, 0, 0, null);
  }
  return {
    type: "scatter", mode: "lines", name: band.name, x, y, yaxis: "y", fill: "toself", hoverinfo: "skip",
    // A short alert is narrower than a pixel of a year: its outline keeps it in sight. Rests are too many for that.
    line: { width: band.kind === "rest" ? 0 : 1, color: `rgba(${colour},${STRENGTH[band.kind] + 0.2})` },
    fillcolor: `rgba(${colour},${STRENGTH[band.kind]})`,
    fillpattern: { shape: HATCHES[band.kind], size: 8, solidity: 0.25, fgcolor: `rgba(${colour},0.6)`, bgcolor: `rgba(${colour},${STRENGTH[band.kind] / 2})` },
  };
}

// Each value held until the next one.
function stepped({ t, x }) {
  const held = { t: [], x: [] };
  t.forEach((at, i) => {
    if (i && x[i] !== null && x[i - 1] !== null) { held.t.push(at); held.x.push(x[i - 1]); }
    held.t.push(at);
    held.x.push(x[i]);
  });
  return held;
}

// The outline of the area between two series, piece by piece: both are broken at the same stamps.
function ribbon(low, high) {
  const breaks = [...low.t.filter((_, i) => low.x[i] === null), Infinity];
  const t = [], x = [];
  let from = -Infinity;
  for (const to of breaks) {
    const [below, above] = [low, high].map((one) => one.t.map((at, i) => [at, one.x[i]]).filter(([at, y]) => at > from && at < to && y !== null));
    if (below.length && above.length) {
      for (const [at, y] of [...above, ...below.reverse(), above[0]]) { t.push(at); x.push(y); }
      t.push(to === Infinity ? above[above.length - 1][0] : to);
      x.push(null);
    }
    from = to;
  }
  return { t, x };
}

function lineTraces(line, index, unit, columns) {
  const colour = palette().lines[index % palette().lines.length];
  const cut = (key) => thinned(page.series[key], page.view[0], page.view[1], columns);
  const traces = [];
  const axis = line.below ? "y3" : "y2";
  if (line.band) {
    const outline = ribbon(...line.band.map(cut).map(line.step ? stepped : (one) => one));
    traces.push({ type: "scatter", mode: "lines", name: "± 1 σ", x: outline.t, y: outline.x, yaxis: axis, line: { width: 0 }, fill: "toself", fillcolor: colour + "33", hoverinfo: "skip" });
  }
  const { t, x } = cut(line.key);
  traces.push({
    type: "scatter", mode: t.length < 80 ? "lines+markers" : "lines", name: line.name, x: t, y: x, yaxis: axis,
    connectgaps: false, marker: { size: 4 },
    line: { width: 1.5, color: colour, shape: line.step ? "hv" : "linear", dash: "solid" },
    hovertemplate: `%{y:.5~g} ${line.below ? "" : unit}<extra>${escaped(line.name)}</extra>`,
  });
  return traces;
}

function markTrace(line) {
  const series = page.series[line.key];
  return {
    type: "scatter", mode: "markers", name: `${line.name} (${series.x.length})`, x: Array.from(series.t), y: series.x, yaxis: "y2",
    marker: { symbol: "x", size: 7, color: palette().flagged }, hovertemplate: "%{y:.5~g}<extra>no sample</extra>",
  };
}

function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function common() {
  const { ink, rule, soft } = palette();
  const axis = { gridcolor: rule, zerolinecolor: rule, linecolor: soft, tickcolor: soft };
  return {
    axis,
    layout: {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 12, family: "system-ui, sans-serif" },
      margin: { l: 64, r: 16, t: 8, b: 44 }, hovermode: "x unified", hoverlabel: { bgcolor: palette().label, font: { color: ink } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, modebar: { bgcolor: "rgba(0,0,0,0)", color: soft, activecolor: ink },
    },
  };
}

function timePlot(figure, element) {
  const columns = Math.max(200, Math.round(element.clientWidth));
  const { axis, layout } = common();
  const traces = [
    ...figure.bands.map(bandTrace),
    ...figure.lines.flatMap((line, index) => lineTraces(line, index, figure.unit, columns)),
    ...figure.marks.map(markTrace),
  ];
  const below = figure.lines.find((line) => line.below);
  layout.showlegend = traces.filter((trace) => trace.showlegend !== false).length > 1;
  if (layout.showlegend) layout.margin.t = 30;
  layout.xaxis = { ...axis, type: "date", range: page.view.map((ms) => new Date(ms).toISOString()), hoverformat: "%Y-%m-%d %H:%M:%S" };
  layout.yaxis = { range: [0, 1], visible: false, fixedrange: true };
  layout.yaxis2 = { ...axis, tickmode: "auto", overlaying: "y", side: "left", title: { text: figure.unit, standoff: 4 } };
  if (figure.ticks.length) Object.assign(layout.yaxis2, { tickvals: figure.ticks.map((_, i) => i), ticktext: figure.ticks.map(escaped) });
  if (below) {
    // A strip of its own: overlaid on another scale it would hide what it qualifies.
    layout.yaxis.domain = [0.38, 1];
    layout.xaxis.anchor = "y3";
    layout.yaxis3 = { ...axis, domain: [0, 0.2], range: [0, 1], tickvals: [0, 1], title: { text: below.name, standoff: 4 } };
  }
  return { traces, layout };
}

function barPlot(figure) {
  const { axis, layout } = common();
  const names = Object.keys(figure.stacks);
  const bar = (name, y, color, shape) => ({
    type: "bar", name, x: figure.bins, y, marker: { color, pattern: { shape, fillmode: "overlay", fgcolor: palette().label } },
    hovertemplate: `%{y} ${escaped(name)}<extra></extra>`,
  });
  // Flagged bins are a trace of their own: hatched, so that they differ by more than their colour.
  const traces = names.length > 1
    ? names.map((name, index) => bar(name, figure.stacks[name], palette().stacks[index], ["", "x"][index]))
    : [false, true].map((flag) => bar(names[0], figure.stacks[names[0]].map((height, i) => (Boolean(figure.flagged[i]) === flag ? height : null)), flag ? palette().flagged : palette().bars, flag ? "/" : ""));
  Object.assign(layout, { barmode: "stack", bargap: figure.bins.length < 6 ? 0.75 : 0.08, showlegend: names.length > 1 });
  if (names.length > 1) layout.margin.t = 30;
  layout.xaxis = { ...axis, automargin: true, type: "category", title: { text: figure.across, standoff: 4 }, nticks: 12, categoryarray: figure.bins };
  layout.yaxis = { ...axis, type: figure.log ? "log" : "linear", title: { text: figure.up, standoff: 4 }, rangemode: "tozero" };
  const heights = names.flatMap((name) => figure.stacks[name]);
  if (!figure.log && heights.every(Number.isInteger) && Math.max(...heights) < 6) layout.yaxis.dtick = 1;
  if (figure.log) {
    const most = Math.max(1, ...names.flatMap((name) => figure.stacks[name]));
    Object.assign(layout.yaxis, { dtick: 1, range: [-0.3, Math.log10(most) + 0.3] });
  }
  return { traces, layout };
}

// Bars from the beginning of each alert to its end, a row for each asset.
function timelinePlot(figure, element) {
  element.style.height = `${90 + 28 * figure.rows.length}px`;
  const { axis, layout } = common();
  const traces = ["warning", "critical"].map((name, index) => {
    const spans = figure.rows.flatMap(([asset, all]) => all.filter((one) => one[2] === index + 1).map((one) => [asset, ...one]));
    return {
      type: "bar", orientation: "h", name, y: spans.map((one) => escaped(one[0])), base: spans.map((one) => new Date(one[1]).toISOString()),
      x: spans.map((one) => one[2] - one[1]), customdata: spans.map((one) => [new Date(one[1]).toISOString().slice(0, 16), new Date(one[2]).toISOString().slice(0, 16)]),
      marker: { color: palette().stacks[index], line: { width: 1.5, color: palette().stacks[index] }, pattern: { shape: ["", "x"][index], fillmode: "overlay", fgcolor: palette().label } },
      hovertemplate: `%{y}: ${name} from %{customdata[0]} to %{customdata[1]}<extra></extra>`,
    };
  });
  Object.assign(layout, { barmode: "overlay", hovermode: "closest", bargap: 0.35 });
  layout.margin.t = 30;
  layout.xaxis = { ...axis, type: "date" };
  layout.yaxis = { ...axis, automargin: true, type: "category", autorange: "reversed", dtick: 1 };
  return { traces, layout };
}

const KINDS = { time: timePlot, bars: barPlot, timeline: timelinePlot };

function draw(element) {
  const figure = page.data.figures[Number(element.dataset.figure)];
  const { traces, layout } = KINDS[figure.kind](figure, element);
  // Said rather than left to Plotly, which would look again later: a print cannot wait.
  Object.assign(layout, { width: element.clientWidth, height: element.clientHeight });
  const config = { displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };
  const first = !page.drawn.has(element);
  Plotly.react(element, traces, layout, config);
  if (first) {
    page.drawn.add(element);
    if (figure.kind === "time") followZoom(element);
  }
}

function redrawAll() {
  document.documentElement.classList.toggle("dark", page.dark && !page.printing);
  page.drawn.forEach(draw);
}

// Plots are drawn when they come into sight; before a print, all of them.
function drawWhenSeen() {
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      watch.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "400px" });
  document.querySelectorAll(".plot").forEach((element) => watch.observe(element));
}

function print(isPrinting) {
  page.printing = isPrinting;
  document.documentElement.classList.toggle("printing", isPrinting);
  if (isPrinting) document.querySelectorAll("details").forEach((one) => { one.open = true; });
  if (isPrinting) document.querySelectorAll(".plot").forEach(draw); else redrawAll();
}

async function start(more) {
  const darkness = window.matchMedia("(prefers-color-scheme: dark)");
  page.dark = darkness.matches;
  page.data = JSON.parse(await unpacked("data"));
  for (const [key, packed] of Object.entries(page.data.series || {})) page.series[key] = decoded(packed);
  page.view = page.data.span;
  redrawAll();
  await loadPlotly();
  document.querySelectorAll(".plot").forEach((element) => { if (element.getBoundingClientRect().top < innerHeight) draw(element); });
  drawWhenSeen();
  darkness.addEventListener("change", (event) => { page.dark = event.matches; redrawAll(); });
  window.addEventListener("resize", () => requestAnimationFrame(redrawAll));
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
  connectControls();
  if (more) await more();
  document.documentElement.dataset.ready = "yes";
}
