/** Numbers and texts for people. */

const UNITS = [
  { limit: 1e3, divide: 1, unit: "ns" },
  { limit: 1e6, divide: 1e3, unit: "µs" },
  { limit: 1e9, divide: 1e6, unit: "ms" },
  { limit: 60e9, divide: 1e9, unit: "s" },
];

/** A duration with three figures: `1.24 ms`, `3 min 20 s`. */
export function duration(nanoseconds: number): string {
  if (!Number.isFinite(nanoseconds)) {
    return "";
  }
  const sign = nanoseconds < 0 ? "-" : "";
  const size = Math.abs(nanoseconds);
  for (const { limit, divide, unit } of UNITS) {
    if (size < limit) {
      return `${sign}${Number((size / divide).toPrecision(3))} ${unit}`;
    }
  }
  const seconds = Math.round(size / 1e9);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return `${sign}${minutes} min ${seconds % 60} s`;
  }
  return `${sign}${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `1,234`; the empty text for what is not known. */
export function count(value: number | null | undefined): string {
  return value == null || Number.isNaN(value) ? "" : Math.round(value).toLocaleString("en-US");
}

/** `$0.0123`; the empty text for what is not known. */
export function dollars(value: number | null | undefined): string {
  if (value == null || Number.isNaN(value)) {
    return "";
  }
  return `$${value >= 1 ? value.toFixed(2) : Number(value.toPrecision(3))}`;
}

/** `12.3 kB`, of characters or bytes. */
export function size(length: number): string {
  if (length < 1_000) {
    return `${length} B`;
  }
  return length < 1_000_000
    ? `${(length / 1_000).toFixed(1)} kB`
    : `${(length / 1_000_000).toFixed(1)} MB`;
}

/** Round distances for about `wanted` marks on an axis of a length. */
export function ticks(length: number, wanted: number): number[] {
  if (!(length > 0)) {
    return [];
  }
  const rough = length / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough);
  const marks: number[] = [];
  for (let mark = 0; mark < length * 0.999; mark += step ?? power * 10) {
    marks.push(mark);
  }
  return marks;
}
