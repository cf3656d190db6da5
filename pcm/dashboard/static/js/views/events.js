/** The event log, newest first: live, filtered, and back to its beginning. */
import { searchField, toggles } from "../page/filters.js";
import { h, say } from "../page/elements.js";
import { block, line } from "../page/foreign.js";
import { link } from "../page/address.js";
import { facts } from "../page/panel.js";
import { Table } from "../page/table.js";
import { clock, count, counted } from "../page/words.js";

const EACH = 100;
const MOST_SHOWN = 1000;

/** Kinds of entries that one looks for together. */
const GROUPS = {
  workers: [
    "WorkerJoined",
    "WorkerNotice",
    "WorkerLeft",
    "WorkerDrained",
    "WorkerCondemned",
    "Retire",
  ],
  contexts: ["ReplicaChanged", "ReplicaFailed", "Load", "Offload", "Evict"],
  batches: ["Dispatch", "ItemsDone", "BatchDone", "BatchLost", "Cancel"],
  items: ["GiveUp", "ItemsReopened"],
  supply: [
    "GlideinsStand",
    "Provision",
    "ProvisionFailed",
    "Want",
    "PoolSized",
    "PoolOffered",
    "PoolState",
  ],
  findings: ["Finding", "Remedy", "SkewChanged"],
  run: [
    "ManagerStarted",
    "ManagerStopped",
    "RunOpened",
    "ItemsAdded",
    "RunClosed",
    "RunPaused",
    "RunUnpaused",
    "RunCancelled",
    "ActionTaken",
    "Finish",
  ],
};
const GROUP_OF = new Map(
  Object.entries(GROUPS).flatMap(([group, kinds]) => kinds.map((kind) => [kind, group])),
);

export class Events {
  constructor(again) {
    const anew = () => {
      this.rows = [];
      again();
    };
    this.again = again;
    this.rows = [];
    this.groups = toggles(
      "Kinds",
      Object.fromEntries(Object.keys(GROUPS).map((group) => [group, group])),
      anew,
    );
    this.search = searchField("Find entries", "Find in texts", anew);
    this.worker = searchField("Worker", "Worker", anew);
    this.batch = searchField("Batch", "Batch", anew);
    this.item = searchField("Item", "Item", anew);
    for (const field of [this.worker, this.batch, this.item]) field.classList.add("short");
    this.shown = h("span", { class: "hint number" });
    this.more = h("button", { type: "button", on: { click: () => this.older() } }, "Older entries");
    this.table = new Table({
      label: "Entries of the event log, newest first",
      columns: COLUMNS,
      key: (row) => String(row.seq),
      opens: (row) => `event:${row.seq}`,
      empty: "",
    });
    this.element = h(
      "div",
      { class: "view events" },
      h("div", { class: "section-head" }, h("h1", {}, "Events"), this.shown),
      h(
        "div",
        { class: "tools" },
        this.groups.element,
        this.search,
        this.worker,
        this.batch,
        this.item,
      ),
      this.table.element,
      h("div", { class: "tools" }, this.more),
    );
  }

  /** What a link asked for, once. */
  heed(find) {
    if (find === this.found) return;
    this.found = find;
    if (!find) return;
    const [, kind, value] = /^(\w+):(.*)$/s.exec(find) ?? [];
    for (const name of ["worker", "batch", "item"]) this[name].value = name === kind ? value : "";
    this.search.value = "";
    this.groups.choose([]);
    this.rows = [];
  }

  words() {
    const kinds = this.groups.chosen().flatMap((group) => GROUPS[group]);
    return {
      kinds: kinds.join(","),
      worker: this.worker.value.trim(),
      batch: this.batch.value.trim(),
      item: this.item.value.trim(),
      search: this.search.value.trim(),
      limit: EACH,
    };
  }

  async load(moment) {
    this.moment = moment;
    this.heed(moment.find);
    // Another run, another moment: not a continuation.
    const about = JSON.stringify([moment.run, moment.at]);
    if (about !== this.about) this.rows = [];
    this.about = about;
    const words = this.words();
    const newest = this.rows[0]?.seq;
    const page = await moment.ask(
      "events",
      newest === undefined ? words : { ...words, after: newest },
    );
    if (newest === undefined || page.rows.length >= EACH) {
      this.rows = page.rows;
      this.before = page.before;
    } else if (page.rows.length) {
      this.rows = [...page.rows, ...this.rows];
      if (this.rows.length > MOST_SHOWN) {
        this.rows = this.rows.slice(0, MOST_SHOWN);
        this.before = this.rows[MOST_SHOWN - 1].seq;
      }
    }
    this.show();
  }

  async older() {
    const page = await this.moment.ask("events", { ...this.words(), before: this.before });
    this.rows = [...this.rows, ...page.rows];
    this.before = page.before;
    this.show();
  }

  show() {
    this.more.hidden = this.before === null || this.before === undefined;
    this.table.show(this.rows, "No entry is like that.");
    say(
      this.shown,
      this.rows.length
        ? `${counted(this.rows.length, "entry").replace(/entrys$/, "entries")} shown, up to ${count(this.rows[0].seq)}`
        : "",
    );
  }

  async details(name, { ask }) {
    const seq = Number(name);
    let row = this.rows.find((one) => one.seq === seq);
    row ??= (await ask("events", { before: seq + 1, limit: 1 })).rows[0];
    return row?.seq === seq
      ? { title: `${row.kind}, entry ${count(seq)}`, key: name, content: () => details(row) }
      : null;
  }
}

const kindChip = (row) =>
  h("span", { class: `chip kind-${GROUP_OF.get(row.kind) ?? "other"}` }, line(row.kind, 40));

/** @type {import("../page/table.js").Column<any>[]} */
const COLUMNS = [
  { id: "seq", label: "Entry", kind: "number", cell: (row) => count(row.seq) },
  { id: "at", label: "When", kind: "number", cell: (row) => clock(row.at) },
  { id: "kind", label: "Kind", cell: kindChip },
  { id: "text", label: "What", kind: "text", cell: (row) => line(row.text, 300) },
  { id: "worker", label: "Worker", kind: "wide", cell: (row) => line(row.worker, 40) },
  {
    id: "batch",
    label: "Batch",
    kind: "number wide",
    cell: (row) => (row.batch === null ? "" : String(row.batch)),
  },
];

function details(row) {
  return [
    facts([
      ["When", clock(row.at)],
      [
        "Worker",
        row.worker &&
          h("a", { href: link({ open: `worker:${row.worker}` }) }, line(row.worker, 80)),
      ],
      [
        "Batch",
        row.batch === null
          ? null
          : h("a", { href: link({ find: `batch:${row.batch}` }) }, `all of batch ${row.batch}`),
      ],
    ]),
    h("p", {}, line(row.text, 2000)),
    h("h3", {}, "The entry itself"),
    block(JSON.stringify(row.body, null, 2), "The entry itself"),
  ];
}
