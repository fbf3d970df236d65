// Filters, curves and details of the results page. Tables are DataTables, from the block "library".
const $ = (selector, root = document) => root.querySelector(selector);
const data = JSON.parse($("#data").textContent);
const text = new Blob([$("#library").textContent], { type: "text/javascript" });
const { default: DataTable } = await import(URL.createObjectURL(text));

function element(name, content = [], attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat());
  return made;
}

function table(id) {
  return new DataTable(id, {
    paging: false,
    order: [],
    layout: { topStart: "info", topEnd: "search", bottomStart: null, bottomEnd: null },
    language: { info: "_TOTAL_ rows", infoFiltered: "of _MAX_", infoEmpty: "no rows", search: "", searchPlaceholder: "search" },
  });
}

// What the address says after #: a section, and its filters, such as #runs&experiment=lenet5_mnist&arm=fb,pb.
function address() {
  const [section, ...parts] = decodeURIComponent(location.hash.slice(1)).split("&");
  return [section, Object.fromEntries(parts.map((part) => part.split("=")))];
}

// A table with rows of chips above it. `keys`: name of a filter -> heading, values of a row, name of a value.
class Filtered {
  constructor(section, rows, keys, changed = () => {}) {
    Object.assign(this, { section, rows, keys, changed });
    this.chosen = Object.fromEntries(Object.keys(keys).map((key) => [key, new Set()]));
    this.table = table(`#${section}-table`);
    this.table.search.fixed("chips", (_, __, index) => this.matches(rows[index]));
    $(`#${section}-table tbody`).addEventListener("click", (event) => {
      const line = event.target.closest("tr");
      if (line.parentNode === event.currentTarget && !event.target.closest("a, .child")) this.toggle(this.table.row(line));
    });
  }
  matches(row, except) {
    return Object.entries(this.keys).every(([key, { values }]) =>
      key === except || !this.chosen[key].size || values(row).some((value) => this.chosen[key].has(value)));
  }
  choose(filters) {
    for (const key in this.keys) this.chosen[key] = new Set(filters[key] ? filters[key].split(",") : []);
    this.draw();
  }
  toggle(row, open = !row.child.isShown()) {
    if (open) row.child(this.details(this.rows[row.index()])).show();
    else row.child.hide();
  }
  draw() {
    $(`#${this.section}-chips`).replaceChildren(...Object.entries(this.keys).map(([key, { head, values, name = String, all }]) => {
      // Chips of what the other filters leave, and of what is chosen.
      const left = this.rows.filter((row) => this.matches(row, key)).flatMap(values);
      const order = (all ?? [...new Set(this.rows.flatMap(values))]).filter((value) => this.chosen[key].has(value) || left.includes(value));
      return element("div", [element("span", head), element("div", order.map((value) => {
        const n = element("small", String(left.filter((one) => one === value).length));
        const chip = element("button", [name(value), n], { type: "button", "aria-pressed": this.chosen[key].has(value) });
        chip.addEventListener("click", () => {
          this.chosen[key].delete(value) || this.chosen[key].add(value);
          this.draw();
          this.remember();
        });
        return chip;
      }))]);
    }));
    this.table.draw();
    this.changed(this.rows.filter((row) => this.matches(row)));
  }
  remember() {
    const parts = Object.entries(this.chosen).filter(([, set]) => set.size).map(([key, set]) => `${key}=${[...set]}`);
    history.replaceState(null, "", "#" + [this.section, ...parts].join("&"));
  }
}

const SOURCES = { "001": "https://openreview.net/forum?id=rkg6PhNKDr" };
const list = (pairs) => element("dl", pairs.filter(([, value]) => value !== "" && value != null)
  .flatMap(([name, value]) => [element("dt", name), element("dd", value)]));

function linkTo(run) {
  const words = `${run.name}, ${data.arms[run.arm]}, seed ${run.seed}`;
  return element("a", words, { href: `#runs&experiment=${run.experiment}&arm=${run.arm}&open=${run.key}` });
}

function claimDetails(claim) {
  const about = data.runs.filter((run) => claim.runs.some((pair) => [`${run.experiment}/${run.arm}`, `${run.experiment}/*`].includes(pair)));
  const file = `../../${claim.file}`;
  const source = SOURCES[claim.document] ? element("a", claim.title, { href: SOURCES[claim.document] }) : claim.title;
  return element("div", [list([
    ["source", [source, `, line ${claim.line} of document ${claim.document}; `, element("a", `entry ${claim.id} of ${claim.file.split("/").slice(-2).join("/")}`, { href: file })]],
    ["test", claim.test], ["margin", Number(claim.margin) ? claim.margin : ""], ["interval from", claim.method === "none" ? "" : claim.method],
    ["p", claim.p], ["p, Holm", claim.p_holm], ["p, sign flips", claim.p_sign_flip], ["p, McNemar", claim.p_mcnemar],
    ["to be read with", claim.tags],
    ["runs", about.length ? about.flatMap((run, place) => [place ? "; " : "", linkTo(run)]) : "none at this scale"],
  ])], { class: "child" });
}

function runDetails(run) {
  const copy = element("button", "copy", { type: "button" });
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(run.command);
    copy.textContent = "copied";
  });
  const shown = (value) => JSON.stringify(value, null, 1).replace(/\{\s+"length": (\d+)\s+\}/g, "[… $1 values]").replace(/\{\s+"characters": (\d+)\s+\}/g, "… $1 characters");
  const files = ["record", "history"].filter((name) => run[name]);
  return element("div", [
    element("div", [element("code", run.command), copy], { class: "command" }),
    list([
      ["files", files.flatMap((name, place) => [place ? ", " : "", element("a", run[name], { href: run[name] })])],
      ["machine", run.device], ["hash of the configuration", run.sha256],
      ["", run.current ? null : "made with an earlier configuration"],
    ]),
    element("div", [
      element("div", [element("b", "configuration"), element("pre", shown(run.config))]),
      element("div", [element("b", "record"), element("pre", shown(run.content))]),
    ], { class: "two" }),
  ], { class: "child" });
}

// Curves by epoch: one line for each run, coloured by arm.
const MOST = 80;
const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999", "#7B5E00", "#5D3FD3"];
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 1085, 12, 292];
const QUANTITIES = {
  validation_accuracy: "accuracy on the validation part, %", test_accuracy: "test accuracy, %", train_accuracy: "training accuracy, %",
  validation_loss: "loss on the validation part", test_loss: "test loss", train_loss: "training loss",
};

function ticks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough);
  const found = [];
  for (let tick = Math.ceil(low / step); tick * step <= high + 1e-9 * step; tick++) found.push(Number((tick * step).toPrecision(8)));
  return found;
}

function svg(name, attributes, content = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = content;
  return made;
}

function inside() {
  const made = svg("clipPath", { id: "inside" });
  made.append(svg("rect", { x: LEFT - 2, y: TOP - 6, width: RIGHT - LEFT + 8, height: BOTTOM - TOP + 8 }));
  return made;
}

let drawn = [];
function curves(rows) {
  const figure = $("#curves"), select = $("select", figure), before = select.value;
  const offered = Object.keys(QUANTITIES).filter((key) => rows.some((run) => run.curves[key]));
  figure.hidden = !offered.length;
  if (figure.hidden) return;
  select.replaceChildren(...offered.map((key) => element("option", QUANTITIES[key], { value: key })));
  select.value = offered.includes(before) ? before : offered[0];
  const key = select.value, shown = rows.filter((run) => run.curves[key]).slice(0, MOST);
  const arms = [...new Set(shown.map((run) => run.arm))];
  const color = (arm) => data.colors[arm] ?? PALETTE[arms.indexOf(arm) % PALETTE.length];
  const values = shown.flatMap((run) => run.curves[key]).filter((value) => value != null).sort((a, b) => a - b);
  // Of accuracies the first epochs would flatten the rest: the axis begins at the lowest twentieth.
  let low = key.endsWith("accuracy") ? values[Math.floor(values.length / 20)] : values[0], high = values.at(-1);
  if (low === high) [low, high] = [low - 1, high + 1];
  const last = Math.max(1, ...shown.map((run) => run.curves.epoch.at(-1)));
  const x = (epoch) => LEFT + (RIGHT - LEFT) * epoch / last;
  const y = (value) => BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low);
  drawn = shown.map((run) => {
    const points = run.curves[key].map((value, place) => [x(run.curves.epoch[place]), value == null ? NaN : y(value), value, run.curves.epoch[place]]).filter((point) => !Number.isNaN(point[1]));
    const path = svg("path", { d: "M" + points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join("L"), stroke: color(run.arm), "clip-path": "url(#inside)" });
    return { run, points, path };
  });
  $("svg", figure).replaceChildren(
    ...ticks(low, high, 6).flatMap((tick) => [svg("line", { x1: LEFT, x2: RIGHT, y1: y(tick), y2: y(tick) }), svg("text", { x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end" }, tick)]),
    ...ticks(0, last, 10).map((tick) => svg("text", { x: x(tick), y: BOTTOM + 18, "text-anchor": "middle" }, tick)),
    svg("text", { x: RIGHT, y: BOTTOM + 34, "text-anchor": "end" }, "epoch"),
    inside(), ...drawn.map(({ path }) => path));
  const more = rows.filter((run) => run.curves[key]).length - shown.length;
  $(".legend", figure).replaceChildren(...arms.flatMap((arm) => [element("i", [], { style: `background:${color(arm)}` }), data.arms[arm]]),
    more > 0 ? ` and ${more} more runs: choose fewer` : "");
}

function nearest(event) {
  const box = $("#curves svg").getBoundingClientRect(), scale = 1100 / box.width;
  const [px, py] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  let best = null, distance = 40 ** 2;
  for (const curve of drawn) for (const point of curve.points.filter(([, y]) => y < BOTTOM + 2)) {
    const found = (point[0] - px) ** 2 + (point[1] - py) ** 2;
    if (found < distance) [best, distance] = [{ ...curve, point }, found];
  }
  return best;
}

function hover(event) {
  const found = nearest(event), output = $("#curves output"), box = $("#curves").getBoundingClientRect();
  for (const { path } of drawn) path.classList.toggle("near", path === found?.path);
  output.style.display = found ? "block" : "none";
  if (!found) return;
  const { run, point } = found;
  output.textContent = [`${run.name}, ${data.arms[run.arm]}, seed ${run.seed}`, `epoch ${point[3]}: ${point[2]}`,
    run.frozen == null ? "" : `${run.frozen.toFixed(1)} % frozen`, `${run.minutes.toFixed(1)} minutes, ${run.sha256.slice(0, 8)}`].filter(Boolean).join("\n");
  output.style.left = `${Math.min(event.clientX - box.left + 14, box.width - 260)}px`;
  output.style.top = `${event.clientY - box.top + 14}px`;
}

const names = Object.fromEntries(data.runs.map((run) => [run.experiment, run.name]));
const runs = new Filtered("runs", data.runs, {
  experiment: { head: "experiment", values: (run) => [run.experiment], name: (value) => names[value] },
  arm: { head: "arm", values: (run) => [run.arm], name: (value) => data.arms[value] },
  seed: { head: "seed", values: (run) => [String(run.seed)] },
}, curves);
runs.details = runDetails;

function show(rule) {
  for (const name of data.rules) runs.table.columns(`.${name}`).visible(name === rule);
}
for (const button of document.querySelectorAll("input[name=rule]")) button.addEventListener("change", () => show(button.value));
show($("input[name=rule]:checked").value);
$("#curves select").addEventListener("change", () => runs.draw());
$("#curves svg").addEventListener("mousemove", hover);
$("#curves svg").addEventListener("mouseleave", hover);
$("#curves svg").addEventListener("click", (event) => {
  const found = nearest(event);
  if (found) open(found.run.key);
});

function open(key) {
  const line = document.getElementById(key);
  if (!line) return;
  runs.toggle(runs.table.row(line), true);
  line.scrollIntoView({ block: "center" });
}

const sections = { runs };
if (data.claims.length) {
  sections.claims = new Filtered("claims", data.claims, {
    verdict: { head: "verdict", values: (claim) => [claim.verdict], all: data.verdicts },
    source: { head: "source", values: (claim) => [claim.source], name: (value) => data.claims.find((claim) => claim.source === value).title },
    experiment: { head: "experiment", values: (claim) => claim.experiments },
  });
  sections.claims.details = claimDetails;
}

// At first the experiment with the most arms, for all curves at once say nothing.
const first = [...new Set(data.runs.map((run) => run.experiment))].find((name) => data.runs.some((run) => run.experiment === name && run.arm === "pb"));
function follow() {
  const [section, filters] = address();
  for (const name in sections) {
    if (name === section) sections[name].choose(filters);
  }
  if (section) document.getElementById(section)?.scrollIntoView();
  if (filters.open) open(filters.open);
}
sections.claims?.choose({});
runs.choose(first ? { experiment: first } : {});
for (const block of document.querySelectorAll("details")) {
  block.addEventListener("toggle", () => {
    const cells = $("table.cells:not(.side):not(.dataTable)", block);
    if (block.open && cells) new DataTable(cells, { paging: false, info: false, searching: false, order: [] });
  });
}
window.addEventListener("hashchange", follow);
follow();
document.body.dataset.ready = "yes";
