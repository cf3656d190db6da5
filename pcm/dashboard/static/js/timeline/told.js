/** What a timeline shows, in words: for the box by the pointer, and for who does not see it. */
import { plain } from "../page/foreign.js";
import { clock, duration, percent, USES } from "../page/words.js";

/** A lane and a stretch of it in words. */
export function told({ lane, span }) {
  const words = [plain(lane.worker, 60)];
  if (lane.kind) words.push(plain(lane.kind, 40));
  if (!span)
    return [
      ...words,
      lane.left_at === null
        ? `there since ${clock(lane.joined_at)}`
        : `${plain(lane.left || "gone", 60)} at ${clock(lane.left_at)}`,
    ];
  const mostly =
    span.share < 1 ? `mostly ${USES[span.use]} (${percent(span.share)})` : USES[span.use];
  words.push(span.batch >= 0 ? `${mostly}, batch ${span.batch}` : mostly);
  if (span.context) words.push(plain(span.context, 40));
  return [
    ...words,
    `${clock(span.start)} to ${clock(span.stop)}, ${duration(span.stop - span.start)}`,
  ];
}
