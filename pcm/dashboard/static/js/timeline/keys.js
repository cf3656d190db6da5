/** What keys do to a timeline. */
import { go } from "../page/address.js";
import { AXIS_HEIGHT, firstAfter } from "./painter.js";

const ZOOM = 1.6;
const PAN_SHARE = 1 / 6;

/** What a person is told of them. */
export const KEYS =
  "Arrows left and right move in time, up and down choose a worker, plus and minus zoom, " +
  "Home shows the whole run, shift with left and right goes from batch to batch, " +
  "Enter opens the worker.";

export class Keys {
  /** @param {import("./timeline.js").Timeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    timeline.scroller.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const { timeline } = this;
    const { view } = timeline;
    const sideways = (step) =>
      event.shiftKey ? this.stepSpan(step) : view.pan(step * view.width * PAN_SHARE);
    const acts = {
      "+": () => timeline.zoom(1 / ZOOM),
      "=": () => timeline.zoom(1 / ZOOM),
      "-": () => timeline.zoom(ZOOM),
      Home: () => timeline.whole(),
      ArrowLeft: () => sideways(-1),
      ArrowRight: () => sideways(1),
      ArrowUp: () => this.stepLane(-1),
      ArrowDown: () => this.stepLane(1),
      PageUp: () => this.stepLane(-10),
      PageDown: () => this.stepLane(10),
      Enter: () => this.open(),
    };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
    timeline.changed();
  }

  open() {
    const { chosen, store } = this.timeline;
    const lane = chosen && store.lanes.get(chosen.lane);
    if (lane) go({ open: `worker:${lane.worker}` });
  }

  /** To another worker's lane, which is scrolled to. */
  stepLane(step) {
    const { chosen, store, scroller, lane } = this.timeline;
    if (!store.total) return;
    const from = chosen?.lane ?? (step > 0 ? -1 : 0);
    const next = Math.min(Math.max(from + step, 0), store.total - 1);
    const top = next * lane;
    const bottom = top + lane + AXIS_HEIGHT - this.timeline.layout().height;
    if (scroller.scrollTop > top) scroller.scrollTop = top;
    else if (scroller.scrollTop < bottom) scroller.scrollTop = bottom;
    this.timeline.choose({ lane: next, span: null });
  }

  /** To the next stretch of the same lane, or the one before. */
  stepSpan(step) {
    const { chosen, store, view } = this.timeline;
    const place = chosen?.lane ?? 0;
    const spans = store.lanes.get(place)?.spans ?? [];
    if (!spans.length) return;
    const now = chosen?.span;
    const next = now
      ? firstAfter(spans, (now.start + now.stop) / 2) + step
      : firstAfter(spans, view.start);
    const span = spans[Math.min(Math.max(next, 0), spans.length - 1)];
    if (span.start < view.start) view.pan(span.start - view.start - view.width / 4);
    else if (span.stop > view.stop) view.pan(span.stop - view.stop + view.width / 4);
    this.timeline.choose({ lane: place, span });
  }
}
