/** The time axis: gaps, zoom, the overview's picture, replay. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { layoutOf } from "../src/tree/layout";
import { marks, roundAbove } from "../src/tree/marks";
import { paint, pathsOf } from "../src/tree/minimap";
import { advance, begin, scrub, toggle } from "../src/tree/replay";
import {
  axisOf,
  GAP_AT_LEAST,
  idleGaps,
  MOST_GAPS,
  NARROWEST_NS,
  panBy,
  scaleOf,
  share,
  timeAt,
  toAxis,
  toTime,
  zoomBy,
  zoomTo,
} from "../src/tree/scale";
import { joined, type Stretch, timesOf } from "../src/tree/times";

const stretches = fc
  .array(fc.tuple(fc.nat(1_000_000), fc.nat(50_000)), { maxLength: 40 })
  .map((pairs) =>
    joined(
      pairs.map(([from, length]): Stretch => [from, from + length]).sort((a, b) => a[0] - b[0]),
    ),
  );

test("a long idle time is cut short, and says how long it was", () => {
  const gaps = idleGaps([[0, 100] as const, [900, 1_000] as const], 0, 1_000);
  expect(gaps).toEqual([[100, 900]]);
  const axis = axisOf(0, 1_000, gaps);
  expect(axis.length).toBeCloseTo(212);
  expect([toAxis(axis, 50), toAxis(axis, 950)].map(Math.round)).toEqual([50, 162]);
});

test("gaps are idle, long, few and in order", () => {
  fc.assert(
    fc.property(stretches, (busy) => {
      const gaps = idleGaps(busy, 0, 1_100_000);
      expect(gaps.length).toBeLessThanOrEqual(MOST_GAPS);
      gaps.forEach(([from, to], index) => {
        expect(to - from).toBeGreaterThanOrEqual(1_100_000 * GAP_AT_LEAST);
        expect(from).toBeGreaterThanOrEqual(gaps[index - 1]?.[1] ?? 0);
        expect(busy.some(([start, end]) => start < to && end > from)).toBe(false);
      });
    }),
  );
});

test("axis and time are each other's inverse, and neither goes backwards", () => {
  fc.assert(
    fc.property(stretches, fc.array(fc.nat(1_100_000), { minLength: 2 }), (busy, moments) => {
      const axis = axisOf(0, 1_100_000, idleGaps(busy, 0, 1_100_000));
      const places = moments.sort((a, b) => a - b).map((time) => toAxis(axis, time));
      places.forEach((place, index) => {
        expect(place).toBeGreaterThanOrEqual((places[index - 1] ?? place) - 1e-6);
        expect(place).toBeLessThanOrEqual(axis.length + 1e-6);
        expect(Math.abs(toTime(axis, place) - (moments[index] ?? 0))).toBeLessThan(1);
      });
    }),
  );
});

test("zooming stays inside, keeps what is under the pointer, and out again is all", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10_000, max: 1e9 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(fc.double({ min: 0.1, max: 4, noNaN: true }), { maxLength: 20 }),
      (length, around, factors) => {
        const axis = axisOf(0, length);
        let scale = scaleOf(axis, null);
        for (const factor of factors) {
          const before = timeAt(scale, around);
          scale = scaleOf(axis, zoomBy(scale, factor, around));
          expect(scale.from).toBeGreaterThanOrEqual(0);
          expect(scale.to).toBeLessThanOrEqual(length * (1 + 1e-9));
          expect(scale.to - scale.from).toBeGreaterThanOrEqual(NARROWEST_NS * 0.999);
          if (factor <= 1) {
            expect(share(scale, before)).toBeCloseTo(around, 3);
          }
        }
        expect(zoomBy(scale, 1e12)).toBeNull();
        const [from, to] = panBy(scale, 1e9) ?? [0, length];
        expect(to - from).toBeCloseTo(scale.to - scale.from, 3);
        expect(to).toBeCloseTo(length, 3);
      },
    ),
  );
  expect(zoomTo(axisOf(0, 1_000), Number.NaN, 5)).toBeNull();
});

test("the overview has a cell for every span, and its paths cover the cells", () => {
  const spans = fc.array(
    fc.tuple(
      fc.integer({ min: -1, max: 20 }),
      fc.nat(100),
      fc.nat(100),
      fc.integer({ min: 1, max: 3 }),
    ),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(spans, (rows) => {
      const shape = {
        length: rows.length,
        parent: rows.map(([parent]) => parent),
        start: rows.map(([, start]) => start),
        end: rows.map(([, , end]) => end),
        state: rows.map(() => 2),
      };
      const times = timesOf(shape, 0);
      const picture = paint(
        layoutOf(shape),
        times,
        (row) => rows[row]?.[3] ?? 1,
        6,
        50,
        (time) => (time - times.from) / Math.max(1, times.to - times.from),
      );
      expect(picture.cells.some((cell) => cell > 0)).toBe(true);
      const covered = new Map<number, number>();
      for (const [colour, path] of pathsOf(picture)) {
        for (const [, width] of path.matchAll(/M\d+ \d+h(\d+)v1/g)) {
          covered.set(colour, (covered.get(colour) ?? 0) + Number(width));
        }
      }
      for (const colour of [1, 2, 3]) {
        const cells = picture.cells.filter((cell) => cell === colour).length;
        expect(covered.get(colour) ?? 0).toBe(cells);
      }
    }),
  );
});

test("a replay plays to its end, and from its end again from the start", () => {
  const length = 34e9;
  let replay = begin(length);
  expect([replay.playing, replay.at, replay.speed]).toEqual([true, 0, 5]);
  replay = advance(replay, 1_000, length);
  expect(replay.at).toBe(5e9);
  expect(advance(toggle(replay, length), 1_000, length).at).toBe(5e9);
  replay = advance(replay, 1e9, length);
  expect([replay.at, replay.playing]).toEqual([length, false]);
  expect(toggle(replay, length)).toMatchObject({ at: 0, playing: true });
  expect(scrub(replay, -5, length).at).toBe(0);
  expect(scrub(replay, 1e99, length).at).toBe(length);
});

test("times are round, apart, inside, and there are some on any column a person can read", () => {
  expect(roundAbove(0.3)).toBe(0.5);
  expect(marks(scaleOf(axisOf(0, 1.8e9), null), 400).map(({ words }) => words)).toEqual([
    "0",
    "500 ms",
    "1 s",
    "1.5 s",
  ]);
  // Beside an open panel: the total where no round time has room.
  expect(marks(scaleOf(axisOf(0, 1.8e9), null), 100).map(({ words }) => words)).toEqual([
    "0",
    "1 s",
  ]);
  expect(marks(scaleOf(axisOf(0, 1.8e9), null), 60).map(({ words }) => words)).toEqual([
    "0",
    "1.8 s",
  ]);
  fc.assert(
    fc.property(
      fc.double({ min: 100, max: 1e14, noNaN: true }),
      fc.integer({ min: 90, max: 3000 }),
      (length, width) => {
        const found = marks(scaleOf(axisOf(0, length), null), width);
        expect(found.length).toBeGreaterThanOrEqual(2);
        expect(found.length).toBeLessThanOrEqual(width / 40 + 2);
        const places = found.map(({ at }) => at);
        expect([...places].sort((a, b) => a - b)).toEqual(places);
        expect(new Set(found.map(({ words }) => words)).size).toBe(found.length);
      },
    ),
  );
});
