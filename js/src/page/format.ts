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

/** `1 span`, `1,234 spans`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
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

const twoDigits = (value: number): string => String(value).padStart(2, "0");

/** A local time that sorts and lines up: `2026-11-22 20:49:10`. */
export function dateTime(milliseconds: number): string {
  const time = new Date(milliseconds);
  const day = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(twoDigits).join("-");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join(":");
  return `${day} ${clock}`;
}
