"use strict";
// The page carries its data and libraries as base64 of gzip: the browser itself unpacks them.

async function unpacked(name) {
  const text = document.getElementById("payload-" + name).textContent.trim();
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function loadPlotly() {
  const script = document.createElement("script");
  // Its build tells by `moduleName` what it is called where there is no module loader.
  script.textContent = await unpacked("plotly");
  document.head.append(script);
}
