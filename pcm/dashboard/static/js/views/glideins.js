/** Classes of glideins: how many are wanted, asked for, running, and why some are held. */
import { stackedBar } from "../charts/bars.js";
import { h } from "../page/elements.js";
import { line } from "../page/foreign.js";
import { facts } from "../page/panel.js";
import { Table } from "../page/table.js";
import { count } from "../page/words.js";

export class Glideins {
  constructor() {
    this.table = new Table({
      label: "Classes of glideins",
      columns: COLUMNS,
      key: (row) => row.name,
      opens: (row) => `glidein:${row.name}`,
      empty: "This run asks for no glideins: its workers come from elsewhere.",
      sort: "name",
    });
    this.element = h(
      "div",
      { class: "view" },
      h("h1", {}, "Glideins"),
      h("p", { class: "hint" }, "Jobs in the batch system that become workers, by class."),
      meaning(),
      this.table.element,
    );
  }

  async load({ ask }) {
    this.table.show(await ask("glideins"));
  }

  async details(name, { ask }) {
    const row = (await ask("glideins")).find((one) => one.name === name);
    return row
      ? { title: line(row.name, 80), key: JSON.stringify(row), content: () => details(row) }
      : null;
  }
}

const number = (id, label) => ({
  id,
  label,
  kind: "number",
  sort: (row) => row[id],
  cell: (row) => count(row[id]),
});

const LOOKS = {
  joined: "use-useful",
  starting: "use-loading",
  queued: "use-idle",
  held: "use-lost",
  "not asked for": "use-no_work",
};

function meaning() {
  return h(
    "ul",
    { class: "legend" },
    Object.entries(LOOKS).map(([name, look]) =>
      h("li", {}, h("span", { class: `swatch ${look}`, "aria-hidden": "true" }), name),
    ),
  );
}

/** Of those that are wanted: what has become of them. */
function bar(row) {
  const numbers = {
    joined: row.joined,
    starting: Math.max(0, row.running - row.joined),
    queued: row.queued,
    held: row.held,
  };
  const parts = Object.entries(numbers).map(([name, value]) => ({
    name,
    value,
    look: LOOKS[name],
    text: count(value),
  }));
  return stackedBar(parts, Math.max(row.wanted, row.asked, 1), "Glideins");
}

/** @type {import("../page/table.js").Column<any>[]} */
const COLUMNS = [
  { id: "name", label: "Class", sort: (row) => row.name, cell: (row) => line(row.name, 48) },
  { id: "bar", label: "How they stand", kind: "bars wide", cell: bar },
  number("wanted", "Wanted"),
  number("asked", "Asked for"),
  number("queued", "Queued"),
  number("running", "Running"),
  number("joined", "Joined"),
  {
    ...number("held", "Held"),
    cell: (row) => (row.held ? h("strong", { class: "warn" }, count(row.held)) : "0"),
  },
  {
    id: "trouble",
    label: "Trouble",
    kind: "text",
    cell: (row) => line(row.trouble || Object.keys(row.holds)[0] || "", 160),
  },
];

function details(row) {
  const holds = Object.entries(row.holds);
  return [
    bar(row),
    facts([
      ["Wanted", count(row.wanted)],
      ["Asked for", count(row.asked)],
      ["Queued", count(row.queued)],
      ["Running", count(row.running)],
      ["Joined as workers", count(row.joined)],
      ["Held", count(row.held)],
    ]),
    row.trouble && [h("h3", {}, "Trouble"), h("p", {}, line(row.trouble, 1000))],
    holds.length > 0 && [
      h("h3", {}, "Why they are held"),
      h(
        "ul",
        { class: "holds" },
        holds.map(([reason, jobs]) =>
          h("li", {}, h("strong", { class: "number" }, count(jobs)), " ", line(reason, 600)),
        ),
      ),
    ],
  ].flat();
}
