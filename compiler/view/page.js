// The table, the arithmetic and the totals beside the graph; choosing, folding, keys.
const MOST = 1500; // lines that "unfold all" shows at most
const lines = $("lines"), why = $("why");

// -- the table: a line for each box that is shown

function shown() {
  const found = [], waiting = [...boxes[0].inner].reverse();
  while (waiting.length) {
    const box = boxes[waiting.pop()];
    if (box.cells) found.push(box);
    if (opened(box)) waiting.push(...[...box.inner].reverse());
  }
  return found;
}

function drawTable() {
  const headings = data.columns.map((column) => html("th", column.number ? { class: "number" } : {}, column.heading));
  const body = html("tbody");
  for (const box of shown()) {
    const row = html("tr", { "data-id": box.id, role: "row", "aria-level": box.level, class: box.inner ? "box" : "" });
    if (box.inner) row.setAttribute("aria-expanded", String(opened(box)));
    box.cells.forEach((text, index) => {
      const cell = html("td", data.columns[index].number ? { class: "number" } : {}, index ? text : "");
      if (index === 0) {
        cell.style.paddingLeft = `${0.4 + 1.1 * (box.level - 1)}rem`;
        const mark = html("span", { class: "mark", ...(box.inner ? { "data-fold": box.id } : {}) }, box.inner ? (opened(box) ? "▾" : "▸") : "");
        cell.append(mark, html("span", { class: `dot ${box.family || ""}` }), ownName(box));
        cell.title = text;
      }
      if (index) cell.title = text;
      row.append(cell);
    });
    body.append(row);
  }
  const sums = net.sums.map((text, index) => html("td", data.columns[index].number ? { class: "number" } : {}, text));
  lines.replaceChildren(html("table", { role: "treegrid" }, html("thead", {}, html("tr", {}, ...headings)), body, html("tfoot", {}, html("tr", {}, ...sums))));
}

// -- why

const grouped = (text) => text.replace(/(?<![\w.])\d{4,}(?![\w.])/g, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ","));

function arithmetic(text, formula) { // statements a line each; what they come to in bold
  const found = [];
  if (formula) found.push(html("div", { class: "formula" }, formula));
  for (const part of text.split("; ")) {
    const line = html("div");
    grouped(part).split(", ").forEach((one, index) => {
      const at = one.lastIndexOf(" = ");
      line.append(index ? ", " : "", at < 0 ? one : one.slice(0, at + 3));
      if (at >= 0) line.append(html("b", {}, one.slice(at + 3)));
    });
    found.push(line);
  }
  return found;
}

function drawWhy() {
  const box = boxes[chosen];
  if (!chosen || !box.cells) {
    const keys = [["↑ ↓", "go through the lines"], ["← →", "fold and unfold"], ["e c", "unfold and fold all"], ["+ − 0", "size of the graph"]];
    const hint = html("p", { class: "hint" }, "Choose a layer to see the arithmetic of its numbers. ");
    for (const [key, does] of keys) hint.append(html("kbd", {}, key), ` ${does}  `);
    return why.replaceChildren(hint);
  }
  const [path, what, output, params, share, macs] = box.cells;
  const head = html("h2", {}, path || box.kind, html("code", {}, what));
  const list = html("dl");
  const entry = (title, ...content) => list.append(html("dt", {}, title), html("dd", {}, ...content));
  if (box.inner) {
    const place = html("p", { class: "place" }, `line ${box.line} · ${box.count} layers`);
    for (const [title, text] of [["output", output], ["parameters", params], ["share", share], ["MACs", macs]]) entry(title, text);
    return why.replaceChildren(head, place, list);
  }
  const one = layer(box), reason = one.why, formulas = reason.formulas;
  const inputs = one.inputs.map((sizes) => `[${sizes.join(", ")}]`).join(", ");
  const place = html("p", { class: "place" }, `${box.file}:${one.line} · ${inputs ? `${inputs} → ` : ""}[${one.output.join(", ")}]`);
  entry("output", ...arithmetic(reason.output, formulas.output));
  entry("parameters", ...arithmetic(reason.params, formulas.params));
  entry("MACs", ...arithmetic(reason.macs, formulas.macs));
  entry("FLOPs", ...arithmetic(reason.flops));
  entry("receptive field", ...arithmetic(reason.receptive_field, formulas.receptive_field));
  entry("weights in memory", ...arithmetic(reason.memory.weights));
  entry("output in memory", ...arithmetic(reason.memory.output));
  entry("kept for backward", ...arithmetic(reason.memory.kept));
  return why.replaceChildren(head, place, list);
}

// -- the head

function drawHead() {
  const head = $("head");
  head.replaceChildren();
  if (data.nets.length > 1) {
    const tabs = html("nav", { "aria-label": "Nets" });
    data.nets.forEach((one, index) => {
      const tab = html("button", { type: "button", "aria-current": String(one === net) }, one.report.name);
      tab.addEventListener("click", () => show(index));
      tabs.append(tab);
    });
    head.append(tabs);
  }
  head.append(html("span", { class: "file" }, data.file), html("h1", {}, net.report.name), html("span", { class: "flow" }, net.title));
  const totals = html("dl", { class: "totals" });
  for (const [label, value, note] of net.totals)
    totals.append(html("div", {}, html("dt", {}, label), html("dd", {}, value, ...(note ? [html("small", {}, note)] : []))));
  head.append(totals);
  const claims = html("ul", { class: "claims" });
  for (const claim of net.report.claims) claims.append(html("li", { class: claim.holds === null ? "open" : claim.holds ? "holds" : "fails" }, claim.text));
  for (const text of net.report.conditions) claims.append(html("li", { class: "condition" }, text));
  if (claims.children.length) head.append(claims);
}

// -- choosing, folding, keys

const marked = (kind, id) => document.querySelectorAll(`[data-id="${id}"], ${kind === "hot" ? `[data-from="${id}"], [data-to="${id}"]` : "none"}`);

function mark(kind, id) {
  for (const element of document.querySelectorAll(`.${kind}`)) element.classList.remove(kind);
  if (id) for (const element of marked(kind, id)) element.classList.add(kind);
}

function choose(id) {
  chosen = id;
  mark("chosen", id);
  drawWhy();
  if (boxes[id].name) history.replaceState(null, "", id ? `#${boxes[id].name}` : "#");
  if (id) for (const element of marked("chosen", id)) element.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function redraw() {
  drawGraph();
  drawTable();
  let id = chosen; // what is folded away is shown by the box around it
  for (let up = boxes[id].parent; up; up = boxes[up].parent) if (!boxes[up].open) id = up;
  choose(id);
}

function fold(id, open) {
  const box = boxes[id];
  if (!box.inner || !id) return;
  box.open = open === undefined ? !box.open : open;
  redraw();
}

function foldAll(open) {
  if (!open) for (const box of boxes) box.open = box.role === "net";
  else { // level by level, as far as a page stays quick
    let level = boxes[0].inner, count = level.length;
    while (level.length && count <= MOST) {
      const inside = level.filter((id) => boxes[id].inner);
      level = inside.flatMap((id) => boxes[id].inner);
      count += level.length;
      if (count <= MOST) for (const id of inside) boxes[id].open = true;
    }
  }
  redraw();
}

function enlarge(factor) {
  fitted = factor === 0;
  zoom = Math.max(0.2, Math.min(3, zoom * (factor || 1)));
  zoomed();
}

const DO = { unfold: () => foldAll(true), fold: () => foldAll(false), smaller: () => enlarge(0.8), larger: () => enlarge(1.25), fit: () => enlarge(0) };
const KEYS = { e: DO.unfold, c: DO.fold, "-": DO.smaller, "+": DO.larger, "=": DO.larger, 0: DO.fit };

function step(by) {
  const all = shown(), at = all.findIndex((box) => box.id === chosen);
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))];
  if (next) choose(next.id);
}

const MOVES = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Home: () => step(-Infinity),
  End: () => step(Infinity),
  ArrowRight: () => (boxes[chosen].open ? step(1) : fold(chosen, true)),
  ArrowLeft: () => (boxes[chosen].inner && boxes[chosen].open ? fold(chosen, false) : boxes[chosen].parent && choose(boxes[chosen].parent)),
  Enter: () => fold(chosen),
  " ": () => fold(chosen),
  Escape: () => choose(0),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "BUTTON") return;
  const act = KEYS[event.key] || MOVES[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

for (const pane of [canvas, lines]) {
  pane.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fold]"), target = event.target.closest("[data-id]");
    if (button) fold(Number(button.dataset.fold));
    else if (target) choose(Number(target.dataset.id));
  });
  pane.addEventListener("dblclick", (event) => {
    const target = event.target.closest("[data-id]");
    if (target && !event.target.closest("[data-fold]")) fold(Number(target.dataset.id));
  });
  pane.addEventListener("pointerover", (event) => {
    const target = event.target.closest("[data-id]");
    mark("hot", target ? Number(target.dataset.id) : 0);
  });
  pane.addEventListener("pointerleave", () => mark("hot", 0));
}
for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", DO[button.dataset.do]);
window.addEventListener("resize", () => fitted && zoomed());
lines.setAttribute("tabindex", "0");

function show(index) {
  net = data.nets[index];
  boxes = net.boxes;
  boxes.forEach((box, id) => (box.id = id));
  boxes[0].parent = 0;
  boxes[0].level = 0;
  for (const box of boxes) for (const id of box.inner || []) Object.assign(boxes[id], { parent: box.id, level: box.level + 1 });
  const wanted = location.hash.slice(1); // `#layer1.0.conv1` opens at that layer
  chosen = wanted ? Math.max(0, boxes.findIndex((box) => box.cells && box.name === wanted)) : 0;
  for (let up = boxes[chosen].parent; up; up = boxes[up].parent) boxes[up].open = true;
  drawHead();
  redraw();
}

show(0);
