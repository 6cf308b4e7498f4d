/**
 * How large a picture is shown, known before it is there, so that nothing moves when it comes.
 */

export interface Size {
  width: number;
  height: number;
}

/** The same shape, no larger than it is and than there is room; never less than one pixel. */
export function fitted(size: Size, room: Size): Size {
  const scale = Math.min(1, room.width / size.width, room.height / size.height);
  return { width: Math.max(1, Math.round(size.width * scale)), height: Math.max(1, Math.round(size.height * scale)) };
}
