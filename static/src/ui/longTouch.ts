/**
 * A touch that stays: what the right button is for those who have no button. Scrolling is none, nor is a touch of what
 * has a meaning of its own.
 */

const LONG_MS = 500;
/** A finger is never quite still. */
const STILL_PX = 10;
/** These have a long touch already, or are for picking out a part. */
const OWN = "a, button, pre, textarea, input";

export class LongTouch {
  /** The finger still lies there after a long touch. */
  private wasLong = false;
  private begun: { x: number; y: number; timer: ReturnType<typeof setTimeout> } | null = null;

  constructor(private readonly onlong: (element: Element) => void) {}

  readonly attach = (element: HTMLElement) => {
    const ears = new AbortController();
    const { signal } = ears;
    element.addEventListener("pointerdown", (event) => this.down(event), { signal });
    element.addEventListener("pointermove", (event) => this.move(event), { signal });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) element.addEventListener(end, () => this.stop(), { signal });
    element.addEventListener(
      "touchend",
      (event) => {
        // Lifting the finger is no press of what came up under it.
        if (this.wasLong && event.cancelable) event.preventDefault();
        this.wasLong = false;
      },
      { signal, passive: false },
    );
    element.addEventListener(
      "contextmenu",
      (event) => {
        // The system's own menu for the same gesture.
        if (event instanceof PointerEvent && event.pointerType === "touch" && isOurs(event.target)) event.preventDefault();
      },
      { signal },
    );
    return () => {
      this.stop();
      ears.abort();
    };
  };

  private down(event: PointerEvent) {
    this.stop();
    this.wasLong = false;
    const { target } = event;
    if (event.pointerType !== "touch" || !event.isPrimary || !isOurs(target)) return;
    const timer = setTimeout(() => {
      this.begun = null;
      this.wasLong = true;
      this.onlong(target);
    }, LONG_MS);
    this.begun = { x: event.clientX, y: event.clientY, timer };
  }

  private move(event: PointerEvent) {
    if (this.begun && Math.hypot(event.clientX - this.begun.x, event.clientY - this.begun.y) > STILL_PX) this.stop();
  }

  private stop() {
    if (this.begun) clearTimeout(this.begun.timer);
    this.begun = null;
  }
}

function isOurs(target: EventTarget | null): target is Element {
  return target instanceof Element && target.closest(OWN) === null;
}
