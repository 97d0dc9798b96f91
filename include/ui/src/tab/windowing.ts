/** Which rows of a long list are drawn. */

export interface Window {
  first: number;
  /** Exclusive. */
  last: number;
}

const MORE = 10;

/** The rows that can be seen, and some before and behind them. All measures in pixels. */
export function windowOf(rows: number, rowHeight: number, scrolled: number, height: number): Window {
  const first = Math.min(Math.max(0, Math.floor(scrolled / rowHeight) - MORE), Math.max(0, rows - 1));
  const last = Math.min(rows, Math.ceil((scrolled + height) / rowHeight) + MORE);
  return { first, last: Math.max(first, last) };
}
