/** Every worker: a lane each, a table of them, and the details of one. */
import { choiceField, searchField } from "../page/filters.js";
import { confirmed } from "../page/dialogs.js";
import { h } from "../page/elements.js";
import { line } from "../page/foreign.js";
import { facts } from "../page/panel.js";
import { Pages } from "../page/pages.js";
import { Table } from "../page/table.js";
import { ask as askServer, of } from "../page/api.js";
import { link } from "../page/address.js";
import { clock, count, duration, rate, size, TIERS } from "../page/words.js";
import { Timeline } from "../timeline/timeline.js";
import { comparison } from "./placement.js";

const EACH = 50;
const STATES = {
  "": "any state",
  idle: "idle",
  loading: "loading",
  warm: "warm",
  working: "working",
  leaving: "leaving",
  gone: "gone",
};

export class Workers {
  constructor(again) {
    this.timeline = new Timeline();
    this.pages = new Pages("workers", EACH, again);
    const anew = () => {
      this.pages.offset = 0;
      again();
    };
    this.search = searchField("Find workers", "Find by name, host, kind", anew);
    this.state = choiceField("State", STATES, anew);
    this.table = new Table({
      label: "Workers",
      columns: COLUMNS,
      key: (row) => `${row.worker} ${row.joined_at}`,
      opens: (row) => `worker:${row.worker}`,
      empty: "No workers.",
      onSort: anew,
      sort: "worker",
    });
    this.element = h(
      "div",
      { class: "view workers" },
      h("h1", { class: "unheard" }, "Workers"),
      this.timeline.element,
      h(
        "section",
        { "aria-label": "Table of workers" },
        h(
          "div",
          { class: "tools" },
          h("h2", {}, "Workers"),
          this.search,
          this.state,
          this.pages.element,
        ),
        this.table.element,
      ),
    );
  }

  async load(moment) {
    const { run, at, ask } = moment;
    this.timeline.show({
      ...moment,
      ask: (what, words, signal) => askServer(of(run, what), { at, ...words }, signal),
    });
    const page = await ask("workers", {
      sort: this.table.sort,
      descending: this.table.descending,
      state: this.state.value,
      search: this.search.value,
      offset: this.pages.offset,
      limit: EACH,
    });
    this.pages.show(page.total);
    this.table.show(
      page.rows,
      this.search.value || this.state.value
        ? "No worker is like that."
        : "No worker has joined yet.",
    );
  }

  async details(name, { ask, overview, at }) {
    const page = await ask("workers", { search: name, limit: 50 });
    const row = page.rows.filter((one) => one.worker === name).pop();
    if (!row) return null;
    return {
      title: line(name, 80),
      key: JSON.stringify([row, at === null && overview.head.can_act]),
      content: () => details(row, overview.head, at === null),
    };
  }
}

/** @type {import("../page/table.js").Column<any>[]} */
const COLUMNS = [
  { id: "worker", label: "Worker", sort: true, cell: (row) => line(row.worker, 48) },
  { id: "state", label: "State", sort: true, cell: (row) => stateChip(row) },
  { id: "kind", label: "Kind", sort: true, cell: (row) => line(row.kind, 32) },
  { id: "host", label: "Host", sort: true, kind: "wide", cell: (row) => line(row.host, 32) },
  { id: "pool", label: "Pool", sort: true, kind: "wide", cell: (row) => line(row.pool, 24) },
  {
    id: "held",
    label: "Contexts",
    kind: "wide",
    cell: (row) =>
      h(
        "span",
        {},
        row.held
          .filter((one) => one.tier !== "absent")
          .map((one, place) => [
            place > 0 && ", ",
            line(one.name, 24),
            h("small", {}, ` ${TIERS[one.tier]}`),
          ]),
      ),
  },
  {
    id: "batch",
    label: "Batch",
    kind: "number",
    cell: (row) => (row.batch === null ? "" : String(row.batch)),
  },
  { id: "items", label: "Items", sort: true, kind: "number", cell: (row) => count(row.items) },
  {
    id: "items_per_second",
    label: "Rate",
    sort: true,
    kind: "number",
    cell: (row) => rate(row.items_per_second),
  },
  {
    id: "relative_speed",
    label: "Speed",
    sort: true,
    kind: "number",
    cell: (row) => (row.relative_speed === null ? "" : `${row.relative_speed.toFixed(2)}×`),
  },
  { id: "skew", label: "Skew", sort: true, kind: "number", cell: (row) => skew(row.skew) },
  {
    id: "lost_batches",
    label: "Lost",
    sort: true,
    kind: "number",
    cell: (row) => (row.lost_batches ? count(row.lost_batches) : ""),
  },
  {
    id: "joined_at",
    label: "Joined",
    sort: true,
    kind: "number wide",
    cell: (row) => clock(row.joined_at),
  },
];

function stateChip(row) {
  return h("span", { class: `chip worker-${row.state}`, title: row.left || null }, row.state);
}

function skew(value) {
  return value > 1.005 ? h("strong", { class: "warn" }, `${value.toFixed(2)}×`) : "";
}

function details(row, head, live) {
  const drain = h(
    "button",
    {
      type: "button",
      disabled: !head.can_act,
      title: head.can_act ? null : "No manager that takes actions is at work on this run",
    },
    "Drain this worker",
  );
  drain.addEventListener("click", () => confirmed("drain", head, row.worker));
  const held = row.held.filter((one) => one.tier !== "absent" || one.status);
  return [
    facts([
      ["State", [stateChip(row), row.left && h("span", {}, " ", line(row.left, 200))]],
      [
        "Batch",
        row.batch === null
          ? null
          : h(
              "a",
              { href: link({ tab: "events", open: "", find: `batch:${row.batch}` }) },
              `batch ${row.batch}`,
            ),
      ],
      ["Kind", line(row.kind, 80)],
      ["GPUs", row.gpus ? `${row.gpus}, ${size(row.gpu_memory_bytes)}` : "none"],
      ["Memory", row.memory_bytes ? size(row.memory_bytes) : null],
      ["Host", row.host && line(row.host, 120)],
      ["Zone", row.zone && line(row.zone, 120)],
      ["Pool", row.pool && line(row.pool, 120)],
      ["Joined", clock(row.joined_at)],
      [
        "Left",
        row.left_at === null
          ? null
          : `${clock(row.left_at)}, after ${duration(row.left_at - row.joined_at)}`,
      ],
      ["Items", count(row.items)],
      ["Rate", row.items_per_second === null ? null : rate(row.items_per_second)],
      [
        "Speed",
        row.relative_speed === null
          ? null
          : `${row.relative_speed.toFixed(2)} times the mean of its kind, by what batches took`,
      ],
      ["Skew", row.skew > 1.005 ? `${row.skew.toFixed(2)} times slower by telemetry` : "none"],
      ["Batches lost", row.lost_batches ? count(row.lost_batches) : null],
    ]),
    h("h3", {}, "Contexts"),
    held.length
      ? h(
          "ul",
          { class: "held" },
          held.map((one) =>
            h(
              "li",
              {},
              h("span", { class: `chip tier-${one.tier}` }, TIERS[one.tier]),
              h("a", { href: link({ open: `context:${one.context}` }) }, line(one.name, 60)),
              h(
                "small",
                {},
                [
                  one.status,
                  one.memory_bytes ? size(one.memory_bytes) : "",
                  `since ${clock(one.since)}`,
                ]
                  .filter(Boolean)
                  .join(", "),
              ),
            ),
          ),
        )
      : h("p", { class: "hint" }, "It holds none."),
    h("h3", {}, "Why it got its last batch"),
    row.placement ? comparison(row.placement) : h("p", { class: "hint" }, "It has had none yet."),
    h(
      "div",
      { class: "buttons" },
      h(
        "a",
        { class: "button", href: link({ tab: "events", open: "", find: `worker:${row.worker}` }) },
        "Its events",
      ),
      live &&
        row.state !== "gone" &&
        row.state !== "leaving" &&
        ["running", "paused"].includes(head.state) &&
        drain,
    ),
  ];
}
