/** Tables that are updated in place, sorted by their headings, and walked with the arrows. */
import { go, link } from "./address.js";
import { fill, h, keyed, patch } from "./elements.js";
import { line } from "./foreign.js";

/**
 * @template R
 * @typedef {object} Column
 * @property {string} id Also what the server calls it when it sorts.
 * @property {string} label
 * @property {(row: R) => any} cell
 * @property {((row: R) => any) | boolean} [sort] A value to sort by; true: the server sorts.
 * @property {string} [kind] "number", "wide" (left out on narrow screens), "text" (may wrap)
 */

/** @template R */
export class Table {
  /**
   * The first column leads to the row's details, if `opens` names them.
   * @param {{label: string, columns: Column<R>[], key: (row: R) => string,
   *   opens?: (row: R) => string, empty: string, onSort?: (table: Table<R>) => void,
   *   sort?: string, descending?: boolean, order?: (row: R) => string}} of
   */
  constructor(of) {
    this.of = of;
    this.sort = of.sort ?? "";
    this.descending = of.descending ?? false;
    this.rows = [];
    this.heads = of.columns.map((column) => this.heading(column));
    this.body = h("tbody");
    this.empty = h("p", { class: "empty", hidden: true }, of.empty);
    this.frame = h(
      "div",
      { class: "table-frame", tabindex: 0, role: "region", "aria-label": of.label },
      h(
        "table",
        {},
        h("caption", { class: "unheard" }, of.label),
        h("thead", {}, h("tr", {}, this.heads)),
        this.body,
      ),
    );
    this.element = h("div", {}, this.frame, this.empty);
    this.body.addEventListener("keydown", (event) => this.move(event));
    this.body.addEventListener("click", (event) => this.click(event));
    this.showSort();
  }

  heading(column) {
    const inside = column.sort
      ? h(
          "button",
          { type: "button", on: { click: () => this.sortBy(column) } },
          column.label,
          h("span", { class: "arrow", "aria-hidden": "true" }),
        )
      : column.label;
    return h("th", { scope: "col", class: column.kind, "data-id": column.id }, inside);
  }

  sortBy(column) {
    this.descending =
      this.sort === column.id ? !this.descending : (column.kind?.includes("number") ?? false);
    this.sort = column.id;
    this.showSort();
    if (this.of.onSort) this.of.onSort(this);
    else this.show(this.rows);
  }

  showSort() {
    for (const head of this.heads) {
      if (head.dataset.id === this.sort)
        head.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  /** @param {R[]} rows */
  show(rows, empty = this.of.empty) {
    this.rows = rows;
    const column = this.of.columns.find((one) => one.id === this.sort);
    const value = column?.sort;
    const sorted =
      typeof value === "function" ? [...rows].sort((a, b) => compared(value(a), value(b))) : rows;
    if (typeof value === "function" && this.descending) sorted.reverse();
    keyed(
      this.body,
      sorted,
      this.of.key,
      () => h("tr"),
      (element, row) => this.update(element, row),
    );
    this.frame.hidden = rows.length === 0;
    this.empty.hidden = rows.length > 0;
    fill(this.empty, empty);
  }

  update(element, row) {
    const open = this.of.opens?.(row);
    patch(
      element,
      this.of.columns.map((column, place) => {
        const said = column.cell(row);
        const inside = typeof said === "string" ? line(said) : said;
        const attributes = { class: column.kind };
        if (place > 0) return h("td", attributes, inside);
        return h(
          "th",
          { scope: "row", ...attributes },
          open ? h("a", { href: link({ open }), "data-open": open }, inside) : inside,
        );
      }),
    );
  }

  click(event) {
    if (event.metaKey || event.ctrlKey || event.shiftKey || getSelection()?.toString()) return;
    const row = event.target.closest("tr");
    const to = event.target.closest("a, button") ?? row?.querySelector("a[data-open]");
    if (!to?.dataset.open) return;
    event.preventDefault();
    to.focus({ preventScroll: true });
    go({ open: to.dataset.open });
  }

  move(event) {
    const links = [...this.body.querySelectorAll("a[data-open]")];
    const place = links.indexOf(document.activeElement);
    const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: links.length - 1 }[
      event.key
    ];
    if (place < 0 || next === undefined) return;
    event.preventDefault();
    links[Math.min(Math.max(next, 0), links.length - 1)].focus();
  }
}

/** Nothing comes first, then numbers and texts by their order. */
function compared(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return typeof a === "number" && typeof b === "number"
    ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
}
