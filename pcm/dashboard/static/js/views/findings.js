/** What telemetry found: what, where, since when, by what evidence, and what to do. */
import { h } from "../page/elements.js";
import { line } from "../page/foreign.js";
import { link } from "../page/address.js";
import { facts } from "../page/panel.js";
import { Table } from "../page/table.js";
import { clock, duration, percent } from "../page/words.js";

export class Findings {
  constructor() {
    this.table = new Table({
      label: "Findings",
      columns: COLUMNS,
      key: (row) => row.id,
      opens: (row) => `finding:${row.id}`,
      empty: "None: nothing that was measured looks wrong, or nothing is measured.",
      sort: "since",
      descending: true,
    });
    this.element = h(
      "div",
      { class: "view" },
      h("h1", {}, "Findings"),
      h(
        "p",
        { class: "hint" },
        "What telemetry of machines and networks says is wrong, with its cause where one is known.",
      ),
      this.table.element,
    );
  }

  async load({ ask }) {
    this.rows = await ask("findings");
    this.table.show(this.rows);
  }

  async details(name, { ask }) {
    const rows = await ask("findings");
    const row = rows.find((one) => one.id === name);
    return row
      ? { title: line(row.name, 100), key: JSON.stringify(row), content: () => details(row) }
      : null;
  }
}

const stands = (row) =>
  row.until === null
    ? h("span", { class: "chip finding-open" }, "now")
    : h("span", { class: "chip" }, "over");

/** @type {import("../page/table.js").Column<any>[]} */
const COLUMNS = [
  {
    id: "name",
    label: "What",
    kind: "text",
    sort: (row) => row.name,
    cell: (row) => line(row.name, 100),
  },
  { id: "until", label: "Stands", sort: (row) => (row.until === null ? 0 : 1), cell: stands },
  { id: "worker", label: "Worker", sort: (row) => row.worker, cell: (row) => line(row.worker, 48) },
  {
    id: "place",
    label: "Where",
    kind: "wide",
    sort: (row) => row.place,
    cell: (row) => line(row.place, 48),
  },
  {
    id: "slowdown",
    label: "Slows",
    kind: "number",
    sort: (row) => row.slowdown,
    cell: (row) => (row.slowdown > 1 ? `${row.slowdown.toFixed(2)}×` : ""),
  },
  {
    id: "confidence",
    label: "Sure",
    kind: "number",
    sort: (row) => row.confidence,
    cell: (row) => percent(row.confidence),
  },
  {
    id: "since",
    label: "Since",
    kind: "number",
    sort: (row) => row.since,
    cell: (row) => clock(row.since),
  },
  {
    id: "directive",
    label: "What to do",
    kind: "text wide",
    cell: (row) => line(row.directive, 120),
  },
];

function details(row) {
  const evidence = Object.entries(row.evidence);
  return [
    facts([
      ["Condition", h("code", {}, line(row.condition, 80))],
      [
        "Worker",
        row.worker &&
          h("a", { href: link({ open: `worker:${row.worker}` }) }, line(row.worker, 80)),
      ],
      ["Where", row.place && line(row.place, 200)],
      ["Since", clock(row.since)],
      [
        "Until",
        row.until === null
          ? "now"
          : `${clock(row.until)}, ${duration(row.until - row.since)} in all`,
      ],
      ["Sure", percent(row.confidence)],
      ["Slows by", row.slowdown > 1 ? `${row.slowdown.toFixed(2)} times` : null],
      [
        "Explained by",
        row.explained_by &&
          h(
            "a",
            { href: link({ open: `finding:${row.explained_by}` }) },
            line(row.explained_by, 80),
          ),
      ],
    ]),
    row.cause && [h("h3", {}, "Cause"), h("p", {}, line(row.cause, 1000))],
    row.directive && [h("h3", {}, "What to do"), h("p", {}, line(row.directive, 1000))],
    evidence.length > 0 && [
      h("h3", {}, "Evidence"),
      facts(evidence.map(([name, value]) => [name, String(Number(value.toPrecision(6)))])),
    ],
  ].flat();
}
