/**
 * The rows that a page has of a search. Only what is looked at is asked for, one request at a time:
 * a scroll bar that is dragged along a million rows asks for where it rests, not for its way.
 */
import type { TableRow } from "./messages";

export const PAGE_ROWS = 100;
/** Some 25,000 rows, 20 MB: what a person has scrolled past comes back in a moment. */
const KEPT_PAGES = 250;

type Load = (offset: number, limit: number) => Promise<TableRow[] | null>;

export class Pages {
  #pages = new Map<number, TableRow[]>();
  /** What was there before rows changed; shown until the new ones come. */
  #before = new Map<number, TableRow[]>();
  #load: Load;
  #wanted: number[] = [];
  #asking = false;
  #changed: () => void;
  #generation = 0;

  constructor(load: Load, changed: () => void) {
    this.#load = load;
    this.#changed = changed;
  }

  /** Begin anew with the first rows of a search. */
  begin(rows: TableRow[]): void {
    this.#generation += 1;
    this.#pages.clear();
    this.#before.clear();
    for (let at = 0; at < rows.length; at += PAGE_ROWS) {
      this.#pages.set(at / PAGE_ROWS, rows.slice(at, at + PAGE_ROWS));
    }
    if (rows.length === 0) {
      this.#pages.set(0, []);
    }
  }

  /** Rows have changed: what is shown stays until it comes anew. */
  stale(): void {
    this.#generation += 1;
    for (const [page, rows] of this.#pages) {
      this.#before.set(page, rows);
    }
    this.#pages.clear();
  }

  /** The row at a place, null while it is not here, undefined where there is none any more. */
  at(place: number): TableRow | null | undefined {
    const page = Math.floor(place / PAGE_ROWS);
    const rows = this.#pages.get(page) ?? this.#before.get(page);
    return rows === undefined ? null : rows[place % PAGE_ROWS];
  }

  /** Put another state of rows in the place of what is known of them. */
  patch(rows: readonly TableRow[]): void {
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const [page, known] of this.#pages) {
      if (known.some((row) => byId.has(row.id))) {
        this.#pages.set(
          page,
          known.map((row) => byId.get(row.id) ?? row),
        );
      }
    }
  }

  /** Have these places loaded, instead of whatever else was wanted. */
  want(from: number, to: number): void {
    this.#wanted = [];
    for (let page = Math.floor(from / PAGE_ROWS); page * PAGE_ROWS < to; page++) {
      const rows = this.#pages.get(page);
      if (rows === undefined) {
        this.#wanted.push(page);
      }
    }
    void this.#next();
  }

  async #next(): Promise<void> {
    const page = this.#wanted[0];
    if (this.#asking || page === undefined) {
      return;
    }
    this.#asking = true;
    const generation = this.#generation;
    try {
      const rows = await this.#load(page * PAGE_ROWS, PAGE_ROWS);
      if (rows !== null && generation === this.#generation) {
        this.#keep(page, rows);
      }
      this.#wanted = this.#wanted.filter((other) => other !== page || rows === null);
    } catch {
      // Said by whoever loads; asked for again when the person moves.
      this.#wanted = [];
    } finally {
      this.#asking = false;
    }
    this.#changed();
    if (generation === this.#generation) {
      void this.#next();
    }
  }

  #keep(page: number, rows: TableRow[]): void {
    this.#before.delete(page);
    this.#pages.set(page, rows);
    if (this.#pages.size > KEPT_PAGES) {
      const oldest = this.#pages.keys().next().value;
      if (oldest !== undefined) {
        this.#pages.delete(oldest);
      }
    }
  }
}
