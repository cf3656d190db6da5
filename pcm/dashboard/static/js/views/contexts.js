/** Contexts: where each is, how often it was loaded and given up, and whose bytes it was. */
import { h } from "../page/elements.js";
import { block, line } from "../page/foreign.js";
import { facts } from "../page/panel.js";
import { link } from "../page/address.js";
import { Table } from "../page/table.js";
import { clock, count, duration, size, TIERS } from "../page/words.js";

export class Contexts {
  constructor() {
    this.table = new Table({
      label: "Contexts",
      columns: COLUMNS,
      key: (row) => row.context,
      opens: (row) => `context:${row.context}`,
      empty: "No context is needed yet.",
      sort: "name",
    });
    this.element = h(
      "div",
      { class: "view" },
      h("h1", {}, "Contexts"),
      h(
        "p",
        { class: "hint" },
        "What has to be loaded before a task can run, and on how many workers it is.",
      ),
      this.table.element,
    );
  }

  async load({ ask }) {
    this.table.show(await ask("contexts"));
  }

  async details(name, { ask }) {
    const row = (await ask("contexts")).find((one) => one.context === name);
    return row
      ? { title: line(row.name, 80), key: JSON.stringify(row), content: () => details(row) }
      : null;
  }
}

const number = (id, label, kind = "number") => ({
  id,
  label,
  kind,
  sort: (row) => row[id],
  cell: (row) => (row[id] ? count(row[id]) : h("span", { class: "none" }, "0")),
});

/** @type {import("../page/table.js").Column<any>[]} */
const COLUMNS = [
  { id: "name", label: "Context", sort: (row) => row.name, cell: (row) => line(row.name, 60) },
  number("gpu", "GPU"),
  number("loading", "Loading"),
  number("host", "Host memory"),
  number("disk", "Disk"),
  number("loads", "Loads"),
  number("reloads", "Reloads"),
  number("evictions", "Given up"),
  {
    ...number("load_failures", "Failed"),
    cell: (row) =>
      row.load_failures
        ? h("strong", { class: "warn" }, count(row.load_failures))
        : h("span", { class: "none" }, "0"),
  },
  {
    id: "load_seconds_median",
    label: "Load takes",
    kind: "number",
    sort: (row) => row.load_seconds_median,
    cell: (row) => (row.load_seconds_median === null ? "" : duration(row.load_seconds_median)),
  },
  {
    id: "bytes_from_manager",
    label: "From manager",
    kind: "number wide",
    sort: (row) => row.bytes_from_manager,
    cell: (row) => size(row.bytes_from_manager),
  },
  {
    id: "bytes_from_workers",
    label: "From workers",
    kind: "number wide",
    sort: (row) => row.bytes_from_workers,
    cell: (row) => size(row.bytes_from_workers),
  },
];

function details(row) {
  return [
    facts([
      ["On GPU", `${count(row.gpu)} workers, ${count(row.loading)} more loading`],
      ["In host memory", `${count(row.host)} workers`],
      ["On disk", `${count(row.disk)} workers`],
      ["Loads", `${count(row.loads)}, of these ${count(row.reloads)} where it was before`],
      [
        "Load takes",
        row.load_seconds_median === null ? null : `${duration(row.load_seconds_median)} (median)`,
      ],
      ["Given up", `${count(row.evictions)} times`],
      ["Failed loads", row.load_failures ? count(row.load_failures) : "none"],
      [
        "Bytes moved",
        `${size(row.bytes_from_manager)} from the manager, ${size(row.bytes_from_workers)} from workers`,
      ],
      ["Digest", h("code", {}, line(row.context, 80))],
    ]),
    row.last_error && [h("h3", {}, "Last error"), block(row.last_error, "Last error")],
    h("h3", {}, "Where it is"),
    row.places.length
      ? h(
          "ul",
          { class: "held" },
          row.places.map((one) =>
            h(
              "li",
              {},
              h("span", { class: `chip tier-${one.tier}` }, TIERS[one.tier]),
              h("a", { href: link({ open: `worker:${one.worker}` }) }, line(one.worker, 60)),
              h("small", {}, `${one.status}, since ${clock(one.since)}`),
            ),
          ),
        )
      : h("p", { class: "hint" }, "Nowhere."),
  ];
}
