/** "1 to 50 of 1,000", and the way to the next ones. */
import { h, say } from "./elements.js";
import { count } from "./words.js";

export class Pages {
  /** @param {string} what @param {number} each @param {() => void} onMove */
  constructor(what, each, onMove) {
    this.what = what;
    this.each = each;
    this.offset = 0;
    this.total = 0;
    this.text = h("span", { class: "number" });
    this.back = this.button("Previous", -1, onMove);
    this.next = this.button("Next", 1, onMove);
    this.element = h("div", { class: "pages" }, this.text, this.back, this.next);
  }

  button(name, step, onMove) {
    const click = () => {
      this.offset = Math.max(0, this.offset + step * this.each);
      onMove();
    };
    return h("button", { type: "button", on: { click } }, name);
  }

  show(total) {
    this.total = total;
    if (this.offset >= total)
      this.offset = Math.max(0, Math.floor((total - 1) / this.each) * this.each);
    const last = Math.min(this.offset + this.each, total);
    say(
      this.text,
      total ? `${count(this.offset + 1)} to ${count(last)} of ${count(total)} ${this.what}` : "",
    );
    this.back.disabled = this.offset === 0;
    this.next.disabled = last >= total;
    this.back.hidden = this.next.hidden = total <= this.each;
  }
}
