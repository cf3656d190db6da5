/** What a pointer, a wheel and fingers do to a timeline. */
import { go } from "../page/address.js";
import { h, patch } from "../page/elements.js";
import { AXIS_HEIGHT, firstAfter } from "./painter.js";
import { told } from "./told.js";

export class Gestures {
  /** @param {import("./timeline.js").Timeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    this.scroller = timeline.scroller;
    /** Where each finger that is down is, across. @type {Map<number, number>} */
    this.fingers = new Map();
    this.box = h("div", { class: "hint-box", hidden: true, "aria-hidden": "true" });
    const { scroller } = this;
    scroller.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    scroller.addEventListener("pointerdown", (event) => this.press(event));
    scroller.addEventListener("pointermove", (event) => this.point(event));
    scroller.addEventListener("pointerleave", () => this.leave());
    scroller.addEventListener("dblclick", (event) => timeline.zoom(0.4, this.timeAt(event)));
  }

  timeAt(event) {
    const { width, gutter } = this.timeline.layout();
    const inside = event.clientX - this.scroller.getBoundingClientRect().left - gutter;
    const { view } = this.timeline;
    return view.start + (inside / (width - gutter)) * view.width;
  }

  /** @param {number} pixels To the right, that is, to later. */
  pan(pixels) {
    const { width, gutter } = this.timeline.layout();
    const { view } = this.timeline;
    view.pan((pixels / (width - gutter)) * view.width);
  }

  wheel(event) {
    const { ctrlKey, metaKey, altKey, shiftKey, deltaX, deltaY } = event;
    if (ctrlKey || metaKey || altKey) this.timeline.zoom(1.0015 ** deltaY, this.timeAt(event));
    else if (Math.abs(deltaX) > Math.abs(deltaY) || shiftKey) this.pan(deltaX || deltaY);
    else return;
    event.preventDefault();
    this.timeline.changed();
  }

  /** Dragging moves in time (by touch: sideways); two fingers zoom; without moving it is a click. */
  press(event) {
    if (event.button !== 0 || event.offsetX > this.scroller.clientWidth) return;
    this.fingers.set(event.pointerId, event.clientX);
    const from = { x: event.clientX, y: event.clientY, moved: false };
    const move = (next) => {
      if (next.pointerId !== event.pointerId) return;
      from.moved ||= Math.abs(next.clientX - from.x) + Math.abs(next.clientY - from.y) > 4;
      this.drag(next, from.moved);
    };
    const end = (next) => {
      if (next.pointerId !== event.pointerId) return;
      this.fingers.delete(next.pointerId);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
      if (next.type === "pointerup" && !from.moved) this.pick(next);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  }

  drag(event, moved) {
    const was = this.fingers.get(event.pointerId) ?? event.clientX;
    const before = this.spread();
    this.fingers.set(event.pointerId, event.clientX);
    if (this.fingers.size > 1) this.timeline.zoom(before / this.spread(), this.timeAt(event));
    else if (moved) this.pan(was - event.clientX);
    this.timeline.changed();
  }

  spread() {
    const places = [...this.fingers.values()];
    return Math.max(8, Math.max(...places) - Math.min(...places));
  }

  /** What is below a pointer. */
  under(event) {
    const { timeline } = this;
    const down = event.clientY - this.scroller.getBoundingClientRect().top - AXIS_HEIGHT;
    if (down < 0) return null;
    const place = Math.floor((down + this.scroller.scrollTop) / timeline.lane);
    const lane = timeline.store.lanes.get(place);
    if (!lane) return null;
    const at = this.timeAt(event);
    const span = at < timeline.view.start ? undefined : lane.spans[firstAfter(lane.spans, at)];
    return { place, lane, span: span && span.start <= at ? span : null };
  }

  point(event) {
    if (event.buttons || event.pointerType === "touch") return;
    const found = this.under(event);
    if (!found) return this.leave();
    const { box } = this;
    patch(
      box,
      told(found).map((text, row) => h(row ? "span" : "strong", {}, text)),
    );
    box.hidden = false;
    const around = this.scroller.parentElement.getBoundingClientRect();
    const left = event.clientX - around.left + 14;
    const top = event.clientY - around.top + 16;
    const above = top + box.offsetHeight > around.height;
    box.style.left = `${Math.min(left, around.width - box.offsetWidth - 8)}px`;
    box.style.top = `${above ? top - box.offsetHeight - 28 : top}px`;
    this.timeline.chosen = { lane: found.place, span: found.span };
    this.timeline.changed();
  }

  leave() {
    this.box.hidden = true;
  }

  pick(event) {
    const found = this.under(event);
    if (found) go({ open: `worker:${found.lane.worker}` });
  }
}
