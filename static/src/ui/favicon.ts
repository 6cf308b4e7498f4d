/**
 * The drawing in the tab: the window, and how much is waiting. The number is drawn over it, in the colours of a badge.
 */

const SIDE = 64;
let wanted = "";

export async function showIcon(window_: string, waiting: string) {
  const link = document.querySelector("link[rel=icon]");
  if (!link) return;
  const now = `${window_} ${waiting}`;
  wanted = now;
  const drawn = waiting === "" ? null : await draw(window_, waiting).catch(() => null);
  // Another one may be wanted by now.
  if (wanted === now) link.setAttribute("href", drawn ?? window_);
}

async function draw(window_: string, waiting: string): Promise<string | null> {
  const picture = new Image(SIDE, SIDE);
  picture.src = window_;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const pen = canvas.getContext("2d");
  if (!pen) return null;
  pen.drawImage(picture, 0, 0, SIDE, SIDE);
  const { fill, ink, font } = badgeLook();
  const radius = SIDE * 0.34;
  const width = Math.max(radius * 2, SIDE * (0.24 + 0.22 * waiting.length));
  pen.fillStyle = fill;
  pen.beginPath();
  pen.roundRect(SIDE - width, SIDE - radius * 2, width, radius * 2, radius);
  pen.fill();
  pen.fillStyle = ink;
  pen.font = `700 ${Math.round(SIDE * 0.46)}px ${font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(waiting, SIDE - width / 2, SIDE - radius + 2);
  return canvas.toDataURL();
}

/** The colours are tokens, which only an element can read. */
function badgeLook(): { fill: string; ink: string; font: string } {
  const badge = document.createElement("span");
  badge.className = "badge sr";
  document.body.append(badge);
  const { backgroundColor: fill, color: ink, fontFamily: font } = getComputedStyle(badge);
  const look = { fill, ink, font };
  badge.remove();
  return look;
}
