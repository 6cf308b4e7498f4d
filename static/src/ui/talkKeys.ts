/**
 * Brings keys, mouse buttons and the loss of both from the browser to the talk key.
 *
 * In the capture phase, since nothing on the page may swallow a key that was held to talk. Must not know: the gate.
 */
import { type Focus, isMouse, type TalkCode, type TalkKey } from "../voice/talkKey";

/** Listens until the returned function is called. */
export function listenForTalkKey(key: TalkKey): () => void {
  const down = (event: KeyboardEvent) => {
    seen(event);
    if (event.isComposing) return;
    const modified = event.ctrlKey || event.altKey || event.metaKey;
    if (key.down(event.code, { focus: focus(event.target), modified, repeat: event.repeat })) take(event);
  };
  const up = (event: KeyboardEvent) => {
    if (key.up(event.code)) take(event);
  };
  const mouseDown = (event: MouseEvent) => {
    seen(event);
    if (key.down(`Mouse${event.button}`, { focus: focus(event.target), modified: false, repeat: false })) take(event);
  };
  const mouseUp = (event: MouseEvent) => {
    if (key.up(`Mouse${event.button}`)) take(event);
  };
  /** A modifier whose end we never heard of, because the system took it. */
  const seen = (event: KeyboardEvent | MouseEvent) => key.modifiersSeen((code) => modifier(event, code));
  const menu = (event: MouseEvent) => {
    // The menu of the browser swallows the end of whatever is held.
    if (!isMouse(key.code)) key.lost();
    seen(event);
  };
  const lost = () => key.lost();
  const hidden = () => {
    if (document.visibilityState === "hidden") key.lost();
  };

  addEventListener("keydown", down, true);
  addEventListener("keyup", up, true);
  addEventListener("mousedown", mouseDown, true);
  addEventListener("mouseup", mouseUp, true);
  addEventListener("mousemove", seen, { capture: true, passive: true });
  addEventListener("contextmenu", menu, true);
  addEventListener("blur", lost);
  addEventListener("pagehide", lost);
  document.addEventListener("visibilitychange", hidden);
  return () => {
    removeEventListener("keydown", down, true);
    removeEventListener("keyup", up, true);
    removeEventListener("mousedown", mouseDown, true);
    removeEventListener("mouseup", mouseUp, true);
    removeEventListener("mousemove", seen, { capture: true });
    removeEventListener("contextmenu", menu, true);
    removeEventListener("blur", lost);
    removeEventListener("pagehide", lost);
    document.removeEventListener("visibilitychange", hidden);
    key.lost();
  };
}

function take(event: Event) {
  event.preventDefault();
  event.stopPropagation();
}

const FIELD = 'input:not([type="checkbox"], [type="radio"], [type="button"]), textarea, select, [contenteditable="true"]';
const CONTROL = 'button, a[href], summary, input, [role="button"], [role="option"], [role="menuitem"]';

function focus(target: EventTarget | null): Focus {
  if (!(target instanceof Element)) return "page";
  if (target.closest(FIELD)) return "field";
  return target.closest(CONTROL) ? "control" : "page";
}

/** Whether this modifier is down; null for what is none. */
function modifier(event: KeyboardEvent | MouseEvent, code: TalkCode): boolean | null {
  const name = /^(Control|Shift|Alt|Meta)(?:Left|Right)$/u.exec(code)?.[1];
  return name === undefined ? null : event.getModifierState(name);
}
