/** Items that were given up: what failed, where, and everything that was tried. */
import { choiceField, searchField } from "../page/filters.js";
import { confirmed } from "../page/dialogs.js";
import { h } from "../page/elements.js";
import { block, line } from "../page/foreign.js";
import { of } from "../page/api.js";
import { link } from "../page/address.js";
import { facts } from "../page/panel.js";
import { Pages } from "../page/pages.js";
import { Table } from "../page/table.js";
import { clock, count, duration } from "../page/words.js";

const EACH = 50;
const VERDICTS = { "": "failed and quarantined", failed: "failed", quarantined: "quarantined" };

export class Items {
  constructor(again) {
    const anew = () => {
      this.pages.offset = 0;
      again();
    };
    this.pages = new Pages("items", EACH, again);
    this.search = searchField("Find items", "Find by key, error, message", anew);
    this.verdict = choiceField("Verdict", VERDICTS, anew);
    this.export = h("a", { class: "button", download: "" }, "Export all as JSON lines");
    this.retry = h(
      "button",
      { type: "button", on: { click: () => confirmed("retry_failed", this.head) } },
      "Retry all",
    );
    this.table = new Table({
      label: "Items without a result",
      columns: COLUMNS,
      key: (row) => String(row.item),
      opens: (row) => `item:${row.item}`,
      empty: "",
      sort: "",
    });
    this.element = h(
      "div",
      { class: "view" },
      h("h1", {}, "Items without an answer"),
      h(
        "p",
        { class: "hint" },
        "Failed: its task raised an error as often as was allowed. Quarantined: workers died with it, again and again.",
      ),
      h(
        "div",
        { class: "tools" },
        this.search,
        this.verdict,
        this.pages.element,
        this.retry,
        this.export,
      ),
      this.table.element,
    );
  }

  async load({ run, at, ask, overview }) {
    this.head = overview.head;
    this.export.href = of(run, "items.jsonl");
    this.retry.hidden = at !== null || !overview.head.can_act || !overview.head.failed;
    const page = await ask("items", {
      search: this.search.value,
      verdict: this.verdict.value,
      offset: this.pages.offset,
      limit: EACH,
    });
    this.rows = page.rows;
    this.pages.show(page.total);
    this.export.hidden = overview.head.failed === 0;
    this.table.show(
      page.rows,
      this.search.value || this.verdict.value
        ? "No item is like that."
        : "None: every item that was computed has an answer.",
    );
  }

  async details(name, { ask }) {
    const item = Number(name);
    let row = this.rows?.find((one) => one.item === item);
    row ??= (await ask("items", { limit: 500 })).rows.find((one) => one.item === item);
    return row
      ? { title: line(row.key, 80), key: JSON.stringify(row), content: () => details(row) }
      : null;
  }
}

const chip = (verdict) => h("span", { class: `chip verdict-${verdict}` }, verdict);

/** @type {import("../page/table.js").Column<any>[]} */
const COLUMNS = [
  { id: "key", label: "Key", sort: (row) => row.key, cell: (row) => line(row.key, 60) },
  { id: "verdict", label: "Verdict", sort: (row) => row.verdict, cell: (row) => chip(row.verdict) },
  { id: "error", label: "Error", sort: (row) => row.error, cell: (row) => line(row.error, 48) },
  { id: "message", label: "Message", kind: "text", cell: (row) => line(row.message, 160) },
  {
    id: "attempts",
    label: "Attempts",
    kind: "number wide",
    sort: (row) => row.attempts.length,
    cell: (row) => count(row.attempts.length),
  },
  {
    id: "worker",
    label: "Worker",
    kind: "wide",
    sort: (row) => row.worker,
    cell: (row) => line(row.worker, 40),
  },
  { id: "at", label: "When", kind: "number", sort: (row) => row.at, cell: (row) => clock(row.at) },
];

function details(row) {
  return [
    facts([
      ["Verdict", chip(row.verdict)],
      ["Item", `number ${count(row.item)}`],
      ["When", clock(row.at)],
      [
        "Worker",
        row.worker &&
          h("a", { href: link({ open: `worker:${row.worker}` }) }, line(row.worker, 80)),
      ],
      ["Error", line(row.error, 200)],
    ]),
    row.message && [h("h3", {}, "Message"), block(row.message, "Message")],
    row.traceback && [h("h3", {}, "Traceback"), block(row.traceback, "Traceback")],
    row.history.length > 0 && [
      h("h3", {}, "What happened to it"),
      h(
        "ol",
        { class: "history" },
        row.history.map((one) => h("li", {}, line(one, 600))),
      ),
    ],
    row.attempts.length > 0 && [
      h("h3", {}, "Attempts"),
      h("ol", { class: "attempts" }, row.attempts.map(attempt)),
    ],
  ].flat();
}

function attempt(one) {
  return h(
    "li",
    {},
    h(
      "p",
      {},
      h("strong", {}, `Attempt ${one.attempt}`),
      ` at ${clock(one.at)}, ${duration(one.seconds)}, batch ${one.batch}, on `,
      h("a", { href: link({ open: `worker:${one.worker}` }) }, line(one.worker, 60)),
      one.kind && [" (", line(one.kind, 40), ")"],
    ),
    h("p", {}, line(one.error, 100), one.message && [": ", line(one.message, 400)]),
    one.traceback &&
      h(
        "details",
        {},
        h("summary", {}, "Traceback"),
        block(one.traceback, `Traceback of attempt ${one.attempt}`),
      ),
  );
}
