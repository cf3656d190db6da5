/** The stretch of time that a timeline shows, within the run's. */

const LEAST_SECONDS = 0.05;

export class ViewWindow {
  constructor() {
    this.began = 0;
    this.end = 1;
    this.start = 0;
    this.stop = 1;
    this.set = false;
  }

  get width() {
    return this.stop - this.start;
  }

  get isWhole() {
    return this.start <= this.began && this.stop >= this.end;
  }

  /** The run's time is now this: what was at its end stays at its end. */
  span(began, end) {
    const whole = !this.set || this.isWhole;
    const follows = this.stop >= this.end;
    const moved = end - this.end;
    this.began = began;
    this.end = Math.max(end, began + LEAST_SECONDS);
    if (whole) this.whole();
    else if (follows) this.pan(moved);
    else this.pan(0);
    this.set = true;
  }

  whole() {
    this.start = this.began;
    this.stop = this.end;
  }

  /** @param {number} seconds */
  pan(seconds) {
    const { width } = this;
    this.start = Math.min(
      Math.max(this.start + seconds, this.began),
      Math.max(this.began, this.end - width),
    );
    this.stop = Math.min(this.start + width, this.end);
  }

  /** `factor` below 1 goes nearer; the moment `around` stays where it is. */
  zoom(factor, around = (this.start + this.stop) / 2) {
    const width = Math.min(Math.max(this.width * factor, LEAST_SECONDS), this.end - this.began);
    const share = (around - this.start) / this.width;
    this.start = around - share * width;
    this.stop = this.start + width;
    this.pan(0);
  }
}
