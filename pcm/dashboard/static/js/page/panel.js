/** Beside the view: the details of one thing, updated as the view is. Escape closes it. */
import { go, read } from "./address.js";
import { h, patch } from "./elements.js";

/**
 * @typedef {object} Details
 * @property {any} title
 * @property {string} key Another one where anything is to be shown anew.
 * @property {() => any[]} content
 */

export class Panel {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.title = h("h2", { tabindex: -1 });
    const close = h(
      "button",
      {
        type: "button",
        class: "close",
        "aria-label": "Close the details",
        on: { click: () => this.close() },
      },
      "✕",
    );
    this.body = h("div", { class: "panel-body" });
    element.append(h("div", { class: "panel-head" }, this.title, close), this.body);
    this.shown = "";
    document.addEventListener("keydown", (event) => {
      const typing =
        event.target instanceof Element && event.target.closest("input, select, dialog");
      if (event.key === "Escape" && this.shown && !typing) this.close();
    });
  }

  close() {
    const was = read().open;
    go({ open: "" });
    const opener = document.querySelector(`[data-open="${CSS.escape(was)}"]`);
    if (opener instanceof HTMLElement) opener.focus();
  }

  hide() {
    this.element.hidden = true;
    this.shown = "";
  }

  /**
   * @param {string} open What it is about, as the address says it.
   * @param {Details} details
   */
  show(open, { title, key, content }) {
    const other = this.shown !== open;
    this.element.hidden = false;
    // What is the same is left alone: somebody may have opened a long text in it.
    if (!other && key === this.key) return;
    patch(this.title, [title]);
    if (other) {
      this.body.replaceChildren();
      this.body.scrollTop = 0;
    }
    patch(this.body, content());
    if (other) this.title.focus({ preventScroll: true });
    this.shown = open;
    this.key = key;
  }
}

/** A list of names and values. @param {[string, any][]} pairs Those without a value are left out. */
export function facts(pairs) {
  const there = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h(
    "dl",
    { class: "facts" },
    there.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}
