// What the reader chose and what the pointer is over, as every part of the page draws it.

import type { Row } from "./data";

/** What the pointer is over; nothing of it leaves the page. */
export interface Over {
  feature: number | null;
  position: number | null;
  error: boolean;
}

export const NOWHERE: Over = { feature: null, position: null, error: false };

export interface State {
  order: string;
  find: string;
  position: number | null;
  feature: number | null;
  pinned: number[];
  over: Over;
  /** The token that is explained. */
  looked: { index: number; why: "hovered" | "locked" | "last" };
  /** The feature that colours the text. */
  colouring: { row: Row | null; why: "hovered" | "selected" | "first of the list" };
}

export const ORDERS = ["max", "mean", "tokens", "share"] as const;

export function named(row: { feature: number; label: string }): string {
  return row.label ? `${row.feature} “${row.label}”` : `${row.feature}`;
}
