/** What can be done to the run that is shown. */
import { confirmed } from "./dialogs.js";
import { h, patch } from "./elements.js";

/**
 * @param {HTMLElement} element
 * @param {any} head
 * @param {boolean} replaying
 */
export function showActs(element, head, replaying) {
  if (!head || replaying || !["running", "paused"].includes(head.state)) return patch(element, []);
  const names = {
    [head.state === "paused" ? "unpause" : "pause"]: head.state === "paused" ? "Unpause" : "Pause",
  };
  if (head.failed) names.retry_failed = "Retry failed";
  names.cancel = "Cancel";
  const why = head.can_act ? null : "No manager that takes actions is at work on this run";
  // A button that stays is kept as it is, listeners too: so the listener is that of the element.
  element.onclick = ({ target }) => {
    const button = target instanceof Element ? target.closest("button") : null;
    if (button?.dataset.action) confirmed(button.dataset.action, head);
  };
  patch(
    element,
    Object.entries(names).map(([action, name]) =>
      h(
        "button",
        {
          type: "button",
          "data-action": action,
          disabled: !head.can_act,
          title: why,
          class: action === "cancel" ? "danger-quiet" : null,
        },
        name,
      ),
    ),
  );
}
