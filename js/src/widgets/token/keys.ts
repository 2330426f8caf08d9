// What each key does.

export const KEYS = [
  ["hover · click", "a token's numbers · pin it"],
  ["drag · shift + click", "select a span"],
  ["← → ↑ ↓", "move the pin; with shift select"],
  ["Home  End", "the first, the last"],
  ["[  ]", "previous, next series"],
  ["a", "all series at once"],
  ["Esc", "release pin and span"],
] as const;

interface Acts {
  /** The pinned position and the last there is. */
  now: number | null;
  last: number;
  beside(now: number, lines: 1 | -1): number;
  move(to: number): void;
  turn(by: number): void;
  all(): void;
  release(): void;
}

/** What each key does. */
export function actsOf({ now, last, beside, move, turn, all, release }: Acts): Record<string, () => void> {
  const to = (next: number) => move(Math.max(0, Math.min(last, next)));
  return {
    ArrowLeft: () => to(now === null ? last : now - 1),
    ArrowRight: () => to(now === null ? 0 : now + 1),
    ArrowUp: () => to(now === null ? last : beside(now, -1)),
    ArrowDown: () => to(now === null ? 0 : beside(now, 1)),
    Home: () => to(0),
    End: () => to(last),
    "[": () => turn(-1),
    "]": () => turn(1),
    a: all,
    Escape: release,
  };
}
