/**
 * Whether somebody may be looking at the page: its window is in front and has the focus. What nobody looks at is not
 * read.
 */
class Sight {
  private current = $state(looks());

  constructor() {
    const look = () => (this.current = looks());
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    addEventListener("blur", look);
  }

  get here(): boolean {
    return this.current;
  }
}

function looks(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

export const sight = new Sight();
