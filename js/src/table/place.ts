/**
 * Where in a long list a person is. Browsers cap the height of an element, so the scroll bar of a
 * longer list covers it in proportion, while a wheel, a swipe or a key still moves by pixels.
 */

/** Kept in step with `.nbt-trace` in table.css. */
export const LINE_HEIGHT = 28;
/** Firefox stops at 17.8 million pixels, Chrome at 33.5 million. */
export const MAX_PIXELS = 15_000_000;
/** A longer way between two scroll events is a jump of the scroll bar. */
const FINE_VIEWS = 2;

/** A list of `total` lines seen through a window of `view` pixels. */
export interface Extent {
  total: number;
  view: number;
}

/** The pixel of the whole list at the window's top, and what the scroll bar says of it. */
export interface Place {
  offset: number;
  scroll: number;
}

export const START: Place = { offset: 0, scroll: 0 };

/** Height of the element that gives the scroll bar its range. */
export function shownPixels(total: number): number {
  return Math.min(total * LINE_HEIGHT, MAX_PIXELS);
}

function ends(extent: Extent): { offset: number; scroll: number } {
  return {
    offset: Math.max(0, extent.total * LINE_HEIGHT - extent.view),
    scroll: Math.max(0, shownPixels(extent.total) - extent.view),
  };
}

/** The place for a pixel of the whole list. */
export function placeAt(offset: number, extent: Extent): Place {
  const end = ends(extent);
  const inside = Math.max(0, Math.min(offset, end.offset));
  return {
    offset: inside,
    scroll: end.offset === 0 ? 0 : Math.round((inside / end.offset) * end.scroll),
  };
}

/** The place after a scroll event. */
export function scrolled(place: Place, scroll: number, extent: Extent): Place {
  const end = ends(extent);
  if (end.offset === end.scroll) {
    const inside = Math.max(0, Math.min(scroll, end.offset));
    return { offset: inside, scroll };
  }
  if (scroll <= 0 || scroll >= end.scroll - 1) {
    return { offset: scroll <= 0 ? 0 : end.offset, scroll };
  }
  const step = scroll - place.scroll;
  const fine = Math.abs(step) <= FINE_VIEWS * extent.view;
  const offset = fine ? place.offset + step : (scroll / end.scroll) * end.offset;
  return { offset: Math.max(0, Math.min(offset, end.offset)), scroll };
}

/** The place that shows a line, moving as little as possible. */
export function showLine(line: number, place: Place, extent: Extent): Place {
  const top = line * LINE_HEIGHT;
  if (top < place.offset) {
    return placeAt(top, extent);
  }
  const least = top + LINE_HEIGHT - extent.view;
  return least > place.offset ? placeAt(least, extent) : place;
}

/** The lines that can be seen, from the first up to but not including the last. */
export function visibleLines(place: Place, extent: Extent): { from: number; to: number } {
  const from = Math.max(0, Math.floor(place.offset / LINE_HEIGHT));
  const to = Math.ceil((place.offset + extent.view) / LINE_HEIGHT);
  return { from: Math.min(from, extent.total), to: Math.min(to, extent.total) };
}
