"use strict";
// The tree comes as rows: label, kind, parent, count, own weight. Callers come before their callees.
const data = JSON.parse(document.getElementById("data").textContent);
const nodes = data.nodes.map(([label, kind, parent, count, own]) => ({ label, kind, parent, count, own, total: own, children: [] }));
for (let i = nodes.length - 1; i > 0; i--) {
  nodes[nodes[i].parent].total += nodes[i].total;
  nodes[nodes[i].parent].children.push(i);
}
for (const node of nodes) {
  node.children.sort((a, b) => nodes[b].total - nodes[a].total || a - b);
  // What it spent itself: its units' work is its own, its callees' is not.
  node.self = node.children.reduce((left, child) => left - (nodes[child].kind === "call" ? nodes[child].total : 0), node.total);
}
const number = new Intl.NumberFormat("en");
const share = (part) => (nodes[0].total ? (100 * part / nodes[0].total).toFixed(1) : "0.0") + " %";
const describe = (node) => `${node.label}: ${number.format(node.total)} gas, ${share(node.total)}` +
  (node.kind === "call" && node.self !== node.total ? `, ${number.format(node.self)} of its own` : "") +
  (node.count > 1 ? `, ${number.format(node.count)} times` : "");

// The flame graph: the frame clicked into is as wide as the page, its callers lie above it.
const flame = document.getElementById("flame");
const said = document.getElementById("flame-said");
const reset = document.getElementById("flame-reset");
const ROW = 23;
let focus = 0;

function box(index, left, width, row, above) {
  const node = nodes[index];
  const button = document.createElement("button");
  button.type = "button";
  button.className = node.kind + (above ? " above" : "");
  button.style.left = left + "%";
  button.style.width = `max(1px, calc(${width}% - 1px))`;
  button.style.top = row * ROW + "px";
  button.textContent = width * flame.clientWidth / 100 > 26 ? node.label : "";
  if (!button.textContent) button.style.padding = "0";
  button.dataset.node = index;
  button.setAttribute("aria-label", describe(node));
  button.title = describe(node);
  return button;
}

function draw() {
  const boxes = [];
  const path = [];
  for (let at = focus; at !== null; at = nodes[at].parent) path.unshift(at);
  path.forEach((index, row) => boxes.push(box(index, 0, 100, row, index !== focus)));
  let rows = path.length;
  const open = [[focus, 0, 100, path.length]];
  while (open.length) {
    const [index, left, width, row] = open.pop();
    let at = left;
    for (const child of nodes[index].children) {
      const wide = nodes[index].total ? width * nodes[child].total / nodes[index].total : 0;
      if (wide >= 0.04) {
        boxes.push(box(child, at, wide, row, false));
        open.push([child, at, wide, row + 1]);
        rows = Math.max(rows, row + 1);
      }
      at += wide;
    }
  }
  flame.replaceChildren(...boxes);
  flame.style.height = rows * ROW + "px";
  said.textContent = describe(nodes[focus]);
  reset.disabled = focus === 0;
}

function into(index) {
  focus = index;
  draw();
  flame.querySelector(`[data-node="${index}"]`).focus({ preventScroll: true });
}
const target = (event) => event.target.closest("[data-node]");
flame.addEventListener("click", (event) => { const hit = target(event); if (hit) into(Number(hit.dataset.node)); });
flame.addEventListener("mouseover", (event) => { const hit = target(event); if (hit) said.textContent = describe(nodes[hit.dataset.node]); });
flame.addEventListener("focusin", (event) => { const hit = target(event); if (hit) said.textContent = describe(nodes[hit.dataset.node]); });
flame.addEventListener("mouseleave", () => { said.textContent = describe(nodes[focus]); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && focus) into(0); });
reset.addEventListener("click", () => into(0));
let resizing;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(draw, 100); });

// The call tree: a row is made when its caller is opened.
const tree = document.getElementById("tree");

function treeRow(index, depth) {
  const node = nodes[index];
  const row = document.createElement("tr");
  row.dataset.tree = index;
  row.dataset.depth = depth;
  const name = document.createElement("td");
  name.style.paddingLeft = 14 + 18 * Math.min(depth, 24) + "px";
  if (node.children.length) {
    const open = document.createElement("button");
    open.type = "button";
    open.textContent = "▸";
    open.setAttribute("aria-expanded", "false");
    open.setAttribute("aria-label", "open " + node.label);
    open.addEventListener("click", () => toggle(row));
    name.append(open);
  } else {
    const leaf = document.createElement("span");
    leaf.className = "leaf";
    name.append(leaf);
  }
  const mark = document.createElement("i");
  mark.className = node.kind;
  const label = document.createElement("span");
  label.className = "mono";
  label.textContent = node.label;
  name.append(mark, label);
  row.append(name);
  for (const text of [node.count ? number.format(node.count) : "", number.format(node.self), number.format(node.total), share(node.total)]) {
    const cell = document.createElement("td");
    cell.textContent = text;
    row.append(cell);
  }
  return row;
}

function toggle(row) {
  const depth = Number(row.dataset.depth);
  const button = row.querySelector("button");
  const opens = button.getAttribute("aria-expanded") === "false";
  button.setAttribute("aria-expanded", String(opens));
  button.textContent = opens ? "▾" : "▸";
  if (opens) {
    row.after(...nodes[row.dataset.tree].children.map((child) => treeRow(child, depth + 1)));
  } else {
    while (row.nextElementSibling && Number(row.nextElementSibling.dataset.depth) > depth) row.nextElementSibling.remove();
  }
}

tree.append(treeRow(0, 0));
toggle(tree.firstElementChild);
for (const row of [...tree.children]) if (nodes[row.dataset.tree].kind === "call") toggle(row);
draw();
