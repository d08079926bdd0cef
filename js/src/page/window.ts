/** Which lines of a long list are on the screen; every line has one height. */

/** Chrome caps an element at 33,554,432 px; the rest of a longer list cannot be reached. */
export const MAX_LIST_PIXELS = 33_000_000;
/** Lines drawn above and below the visible ones, so that a fast scroll shows no gap. */
const SPARE_LINES = 8;

export interface Slice {
  from: number;
  to: number;
}

/** The lines to draw for a scroll position. */
export function visibleSlice(
  total: number,
  lineHeight: number,
  scrollTop: number,
  viewHeight: number,
): Slice {
  const first = Math.floor(Math.max(0, scrollTop) / lineHeight);
  const shown = Math.ceil(viewHeight / lineHeight);
  const from = Math.max(0, Math.min(first, total - shown) - SPARE_LINES);
  return { from, to: Math.min(total, Math.max(0, first) + shown + SPARE_LINES) };
}

/** Height of the whole list in pixels. */
export function listHeight(total: number, lineHeight: number): number {
  return Math.min(total * lineHeight, MAX_LIST_PIXELS);
}

/** The scroll position that brings a line into view, moving as little as possible. */
export function scrollToLine(
  line: number,
  lineHeight: number,
  scrollTop: number,
  viewHeight: number,
): number {
  const top = line * lineHeight;
  if (top < scrollTop) {
    return top;
  }
  return Math.max(scrollTop, top + lineHeight - viewHeight);
}
