/**
 * Plays what arrives: one audio element per receiving line.
 *
 * The only file of the voice code that touches elements. Must not know: who is heard on which line.
 */

export interface Loudspeakers {
  /** Plays these tracks instead of any before. */
  play(tracks: readonly MediaStreamTrack[]): void;
  /** Deafened: nothing is heard, from this moment. */
  silence(silent: boolean): void;
  stop(): void;
}

export class Speakers implements Loudspeakers {
  /** Called with true when the browser wants a press before it plays, with false when it plays. */
  onblocked: (blocked: boolean) => void = () => {};
  private elements: HTMLAudioElement[] = [];
  private silent = false;

  play(tracks: readonly MediaStreamTrack[]) {
    this.stop();
    this.elements = tracks.map((track) => {
      const element = new Audio();
      element.autoplay = true;
      element.muted = this.silent;
      element.srcObject = new MediaStream([track]);
      return element;
    });
    this.resume();
  }

  silence(silent: boolean) {
    this.silent = silent;
    for (const element of this.elements) element.muted = silent;
  }

  /** Tries to play again; call it from a press when the browser held the sound back. */
  resume() {
    for (const element of this.elements) {
      element.play().then(
        () => this.onblocked(false),
        (error: unknown) => {
          if (error instanceof DOMException && error.name === "NotAllowedError") this.onblocked(true);
        },
      );
    }
  }

  stop() {
    for (const element of this.elements) {
      element.pause();
      element.srcObject = null;
    }
    this.elements = [];
    this.onblocked(false);
  }
}
