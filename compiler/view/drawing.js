"use strict";
// The graph: sizes, places, edges, boxes. It computes places on the page only: every number and text
// comes from the data, and reaches the page as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const GAP = 24, PAD = 16, HEAD = 26, APART = 24, LANE = 14, BEND = 8, SLIM = 26, CARD = 44;
const $ = (id) => document.getElementById(id);
const canvas = $("canvas");
const pen = document.createElement("canvas").getContext("2d");
let net, boxes, chosen = 0, zoom = 1, fitted = true, svg;

// -- small helpers

function html(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function shape(parent, tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

const fonts = {};
function width(text, kind) {
  if (!fonts[kind]) {
    const probe = shape(svg, "text", { class: kind }, "");
    const found = getComputedStyle(probe);
    fonts[kind] = `${found.fontWeight} ${found.fontSize} ${found.fontFamily}`;
    probe.remove();
  }
  pen.font = fonts[kind];
  return pen.measureText(text).width;
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const opened = (box) => Boolean(box.inner) && box.open;
const layer = (box) => net.report.layers[box.layer];

// -- what a box says

const counted = (params) => (/\d/.test(params) ? `${params} params` : params === "–" ? "" : params);

function ownName(box) { // its path without that of the box around it
  const around = boxes[box.parent].name, path = box.name;
  return box.parent && around && path.startsWith(`${around}.`) ? path.slice(around.length + 1) : path;
}

const SIGNS = { add: "+", mul: "×" };

function said(box) {
  const say = { first: "", kind: "", left: "", right: "", slim: false, sign: "" };
  if (box.role === "input" || box.role === "output") {
    Object.assign(say, { first: short(`${box.role} ${box.name === "output" ? "" : box.name}`.trim(), 44), kind: "name", right: box.shape });
  } else if (box.inner) {
    const [, what, output, params] = box.cells, own = ownName(box);
    const plain = own && opened(box) && !box.named; // `branch2` says enough where its lines are seen
    Object.assign(say, { first: short(plain ? own : [own, what].filter(Boolean).join(" · "), 44), kind: "name", right: output, left: counted(params) });
  } else {
    const one = layer(box), [, what, output, params] = box.cells;
    const join = box.family === "joins";
    say.sign = (join && SIGNS[box.kind]) || "";
    say.first = short(join ? box.kind : what, 40);
    say.left = [short(ownName(box), 40), counted(params)].filter(Boolean).join(" · ");
    say.right = output;
    const same = one.inputs.length === 1 && String(one.inputs[0]) === String(one.output);
    say.slim = Boolean(say.sign) || (same && !one.params && !one.buffers);
  }
  return say;
}

function cardSize(box) {
  const say = said(box);
  if (say.sign) return { w: SLIM + 2, h: SLIM + 2, axis: SLIM / 2 + 1 };
  const top = width(say.first, say.kind) + (box.inner ? 22 : 0);
  const below = say.slim ? 0 : width(say.left, "small") + width(say.right, "small") + (say.left ? 18 : 0);
  const w = Math.ceil(Math.max(top, below, say.slim ? 0 : 96) + 26);
  return { w, h: say.slim ? SLIM : CARD, axis: w / 2 };
}

// -- sizes, then places. A plan is an element, plans below each other, or plans side by side.

function sized(box) {
  if (!opened(box)) return cardSize(box);
  box.body = sizedPlan(box, box.plan);
  if (box.role === "net") return { w: box.body.w, h: box.body.h, axis: box.body.axis };
  const w = Math.max(box.body.w + 2 * PAD, width(said(box).first, "name") + 56);
  return { w, h: box.body.h + HEAD + PAD, axis: box.body.axis + (w - box.body.w) / 2 };
}

function sizedPlan(box, plan) {
  if (typeof plan === "number") {
    const child = childOf(box, plan);
    return { element: plan, ...(child ? (child.size = sized(child)) : { w: 12, h: 0, axis: 6, port: true }) };
  }
  if (plan.down) {
    const items = plan.down.map((one) => sizedPlan(box, one));
    const axis = Math.max(...items.map((one) => one.axis));
    const w = axis + Math.max(...items.map((one) => one.w - one.axis));
    items.forEach((one, n) => (one.gap = gapAfter(one, items[n + 1])));
    return { down: items, w, h: items.reduce((sum, one) => sum + one.h + one.gap, 0), axis };
  }
  const items = plan.across.map((one) => sizedPlan(box, one));
  const tracks = plan.lanes.reduce((most, lane) => Math.max(most, lane[2] + 1), 0);
  const inner = items.reduce((sum, one) => sum + one.w, (items.length - 1) * APART);
  const w = inner + (tracks ? 6 + tracks * LANE : 0);
  const h = Math.max(...items.map((one) => one.h));
  return { across: items, lanes: plan.lanes, w, h, inner, axis: axisOf(items, inner) };
}

function gapAfter(one, next) { // ports stand close to what is in the box
  if (!next || (next.port && !one.port)) return 0;
  return one.port ? 20 : GAP;
}

function axisOf(items, inner) { // a short way beside a long one leaves the long one in its column
  if (items.length === 2 && items[0].h > 1.5 * items[1].h) return items[0].axis;
  if (items.length === 2 && items[1].h > 1.5 * items[0].h) return items[0].w + APART + items[1].axis;
  return items.length === 1 || items[0].port ? items[0].axis : inner / 2;
}

const childOf = (box, element) => boxes[box.inner[element - box.entering]];

function placed(box, x, y) {
  Object.assign(box, { x, y });
  if (!opened(box)) return;
  box.ports = {};
  box.ways = new Map();
  const top = box.role === "net" ? y : y + HEAD;
  const left = x + (box.size.axis - box.body.axis);
  placedPlan(box, box.body, left, top);
}

function placedPlan(box, plan, x, y) {
  if (plan.element !== undefined) {
    const child = childOf(box, plan.element);
    if (child) placed(child, x, y);
    else box.ports[plan.element] = { x: x + plan.axis, y };
  } else if (plan.down) {
    for (const one of plan.down) {
      placedPlan(box, one, x + plan.axis - one.axis, y);
      y += one.h + one.gap;
    }
  } else {
    let at = x;
    for (const one of plan.across) {
      placedPlan(box, one, at, y);
      at += one.w + APART;
    }
    for (const [source, readers, track] of plan.lanes)
      for (const reader of readers) box.ways.set(`${source} ${reader}`, x + plan.inner + 6 + (track + 0.5) * LANE);
  }
}

// -- edges

function leaves(box, element, port) { // where a value comes out
  const child = childOf(box, element);
  if (!child) return { x: box.ports[element].x, y: box.ports[element].y, id: box.id };
  const low = child.y + child.size.h;
  if (!opened(child)) return { x: child.x + child.size.axis, y: low, id: child.id };
  return { x: child.ports[child.entering + child.inner.length + port].x, y: low, id: child.id };
}

function enters(box, element, port) {
  const child = childOf(box, element);
  if (!child) return { x: box.ports[element].x, y: box.y + box.size.h, id: box.id, port: true };
  if (opened(child)) return { x: child.ports[port].x, y: child.y, id: child.id };
  const side = { x: child.x + child.size.w, y: child.y + child.size.h / 2 };
  return { x: child.x + child.size.axis, y: child.y, id: child.id, side };
}

function bent(points) { // a line with rounded corners
  let path = `M${points[0][0]} ${points[0][1]}`;
  for (let n = 1; n < points.length - 1; n += 1) {
    const [[px, py], [x, y], [qx, qy]] = [points[n - 1], points[n], points[n + 1]];
    const before = Math.abs(x - px) + Math.abs(y - py), after = Math.abs(qx - x) + Math.abs(qy - y);
    const r = Math.min(BEND, before / 2, after / 2);
    const sx = Math.sign(px - x), sy = Math.sign(py - y), ex = Math.sign(qx - x), ey = Math.sign(qy - y);
    path += `L${x + sx * r} ${y + sy * r}Q${x} ${y} ${x + ex * r} ${y + ey * r}`;
  }
  const last = points[points.length - 1];
  return `${path}L${last[0]} ${last[1]}`;
}

function route(from, to, lane, forks) {
  if (lane === undefined) {
    if (Math.abs(from.x - to.x) < 1) return [[from.x, from.y], [from.x, to.y]];
    const y = forks ? from.y + GAP / 2 : to.y - GAP / 2;
    return [[from.x, from.y], [from.x, y], [to.x, y], [to.x, to.y]];
  }
  const start = [[from.x, from.y], [from.x, from.y + 9], [lane, from.y + 9]];
  const beside = to.side && lane > to.side.x + BEND; // a wide card reaches under its lane: from above
  if (beside) return [...start, [lane, to.side.y], [to.side.x, to.side.y]];
  return [...start, [lane, to.y - 9], [to.x, to.y - 9], [to.x, to.y]];
}

function drawEdges(box, layers) {
  const forks = new Map();
  for (const [source, , port] of box.edges) forks.set(`${source} ${port}`, (forks.get(`${source} ${port}`) || 0) + 1);
  for (const [source, reader, out, into] of box.edges) {
    const from = leaves(box, source, out), to = enters(box, reader, into);
    const lane = box.ways.get(`${source} ${reader}`);
    const points = route(from, to, lane, forks.get(`${source} ${out}`) > 1);
    const kind = lane === undefined ? "" : " skip", ends = { "data-from": from.id, "data-to": to.id };
    shape(layers.edges, "path", { class: `edge${kind}`, d: bent(points), ...ends });
    if (to.port) continue;
    const [[px, py], [x, y]] = points.slice(-2);
    const tip = px === x || py !== y ? `M${x} ${y}l-4 -7h8z` : `M${x} ${y}l7 -4v8z`;
    shape(layers.edges, "path", { class: `tip${kind}`, d: tip, ...ends });
  }
}

// -- boxes

function drawCard(box, layers) {
  const { x, y } = box, { w, h, axis } = box.size, say = said(box);
  const join = box.family === "joins" ? " join" : "", value = box.cells ? "" : " value";
  const g = shape(layers.cards, "g", { class: `card-box ${box.family || ""}${join}${value}`, "data-id": box.id, role: "treeitem", "aria-label": `${box.role} ${box.name} ${say.right}` });
  shape(g, "title", {}, box.cells ? box.cells.slice(0, 4).filter(Boolean).join("\n") : `${say.first} ${say.right}`);
  if (box.inner) {
    shape(g, "rect", { class: "back", x: x + 6, y: y + 5, width: w, height: h, rx: 7 });
    shape(g, "rect", { class: "back", x: x + 3, y: y + 2.5, width: w, height: h, rx: 7 });
  }
  const round = say.sign || value || join ? h / 2 : say.slim ? 6 : 7;
  shape(g, "rect", { class: "card", x, y, width: w, height: h, rx: round });
  if (say.sign) {
    shape(g, "text", { class: "sign", x: x + axis, y: y + h / 2 + 6 }, say.sign);
    return;
  }
  if (box.family && !join) shape(g, "rect", { class: "stripe", x: x + 1, y: y + 5, width: 3.5, height: h - 10, rx: 1.75 });
  const line = say.slim ? y + h / 2 + 4.5 : y + 18;
  const centred = say.slim || join || value ? (w - width(say.first, say.kind)) / 2 : 13;
  shape(g, "text", { class: say.kind, x: x + centred, y: line }, say.first);
  if (!say.slim) {
    const right = value || join ? (w + width(say.right, "small")) / 2 : w - 13;
    if (!join) shape(g, "text", { class: "small", x: x + 13, y: y + 35 }, say.left);
    shape(g, "text", { class: "small", x: x + right, y: y + 35, "text-anchor": "end" }, say.right);
  }
  if (box.inner) drawFold(g, box, x + w - 15, y + 14, false);
}

function drawFold(parent, box, x, y, open) {
  const sign = open ? "M-4 0h8" : "M-4 0h8M0 -4v8";
  const g = shape(parent, "g", { class: "switch", "data-fold": box.id, transform: `translate(${x} ${y})` });
  shape(g, "rect", { x: -9, y: -9, width: 18, height: 18, fill: "transparent" });
  shape(g, "path", { class: "fold", d: sign });
}

function draw(box, layers) {
  if (!opened(box)) return drawCard(box, layers);
  if (box.role !== "net") {
    const { x, y } = box, { w, h } = box.size;
    const g = shape(layers.frames, "g", { "data-id": box.id, role: "treeitem", "aria-label": said(box).first });
    shape(g, "rect", { class: "frame", x, y, width: w, height: h, rx: 9 });
    shape(g, "text", { class: "name", x: x + 12, y: y + 18 }, said(box).first);
    drawFold(g, box, x + w - 16, y + 14, true);
  }
  drawEdges(box, layers);
  for (const id of box.inner) draw(boxes[id], layers);
  return undefined;
}

function drawGraph() {
  if (!svg) svg = shape(canvas, "svg", { role: "presentation" });
  const root = boxes[0];
  root.size = sized(root);
  placed(root, 0, 0);
  const layers = {};
  svg.replaceChildren();
  for (const name of ["frames", "edges", "cards"]) layers[name] = shape(svg, "g", {});
  draw(root, layers);
  svg.setAttribute("viewBox", `-2 -2 ${root.size.w + 10} ${root.size.h + 10}`);
  zoomed();
}

function zoomed() {
  const { w, h } = boxes[0].size;
  if (fitted) zoom = Math.max(0.45, Math.min(1.15, (canvas.clientWidth - 48) / (w + 10)));
  svg.setAttribute("width", (w + 10) * zoom);
  svg.setAttribute("height", (h + 10) * zoom);
}
