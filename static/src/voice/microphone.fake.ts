/** A microphone that hears what a test says; see `microphone`. */
export class FakeMicrophone {
  open = true;
  closed = false;
  onended: (() => void) | null = null;
  track = { name: "microphone" };
  level = () => -30;
  close() {
    this.closed = true;
  }
}
