/** Which times are written above the time column: round ones, as many as there is room for. */
import { duration } from "../page/format";
import { type Scale, toAxis } from "./scale";

export interface Mark {
  /** Share of the width. */
  at: number;
  words: string;
  /** Written to the left of its line, at the end of the column. */
  end?: boolean;
}

/** Distances that are easy to read; on a narrow column closer ones are better than none. */
const ROOMY_PIXELS = 76;
const TIGHT_PIXELS = 48;
const ROOMY_MARKS = 3;
/** Of the 11 px font, on the safe side: a cut unit would say something else, "200 m" for 200 ms. */
const CHARACTER_PIXELS = 6.5;
const PADDING_PIXELS = 6;
/** Over folded gaps marks are looked for one by one; more than these would be a long look. */
const MOST_MARKS = 2_000;

function wordsWidth(words: string): number {
  return words.length * CHARACTER_PIXELS + PADDING_PIXELS;
}

/** The round number, 1, 2 or 5 times a power of ten, that is at least this. */
export function roundAbove(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((factor) => factor * power >= least) ?? 10) * power;
}

/** Round times where they are drawn; none inside a gap that is cut short. */
export function marks(scale: Scale, width: number): Mark[] {
  const { axis } = scale;
  const length = scale.to - scale.from;
  if (!(length > 0 && width > 0)) {
    return [];
  }
  const apart = width < ROOMY_PIXELS * ROOMY_MARKS ? TIGHT_PIXELS : ROOMY_PIXELS;
  const step = roundAbove((length * apart) / width);
  const whole = axis.gaps.length === 0;
  const first = Math.ceil((whole ? scale.from : 0) / step - 1e-9) * step;
  const last = whole ? scale.to : axis.to - axis.from;
  const found: Mark[] = [];
  let free = Number.NEGATIVE_INFINITY;
  for (let mark = first, count = 0; mark <= last && count < MOST_MARKS; mark += step, count++) {
    const time = axis.from + mark;
    const inGap = axis.gaps.some(([from, to]) => time > from && time < to);
    const at = (toAxis(axis, time) - scale.from) / length;
    const words = mark === 0 ? "0" : duration(mark);
    if (!inGap && at >= free && at >= 0 && (1 - at) * width >= wordsWidth(words)) {
      found.push({ at, words });
      free = at + wordsWidth(words) / width;
    }
  }
  if (found.length < 2 && whole) {
    const words = duration(scale.to);
    if ((1 - Math.max(0, free)) * width >= wordsWidth(words)) {
      found.push({ at: 1, words, end: true });
    }
  }
  return found;
}
