// Numbers and tokens as text.

/** Three significant digits; exact zero, infinities and not-a-number say so. */
export function digits(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  const scientific = magnitude < 1e-4 || magnitude >= 1e6;
  const text = scientific
    ? magnitude.toExponential(2)
    : magnitude >= 999.5
      ? magnitude.toFixed(0)
      : magnitude.toPrecision(3);
  return (value < 0 ? "−" : "") + text;
}

/** Every digit that a float32 has, for a title on hover. */
export function allDigits(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(9))) : digits(value);
}

export interface Piece {
  text: string;
  /** A mark that stands for something one cannot see. */
  mark: boolean;
}

const MARKS: Record<string, string> = { " ": "·", "\n": "↵", "\r": "␍", "\t": "⇥", "\u00a0": "⍽" };
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Z}]/u;
const JOINER = /\u200c|\u200d|\p{Zs}/u;

/** A token's text cut into what shows and marks for what does not. Only whitespace at the ends is marked. */
export function pieces(text: string): Piece[] {
  if (text === "") return [{ text: "∅", mark: true }];
  const out: Piece[] = [];
  const chars = [...text];
  const first = chars.findIndex((c) => c.trim() !== "");
  const last = chars.findLastIndex((c) => c.trim() !== "");
  chars.forEach((c, i) => {
    const inside = first !== -1 && i > first && i < last;
    let mark = c === " " && inside ? undefined : MARKS[c];
    // A joiner or a wide space inside belongs to the shape; elsewhere it would be lost. What turns the reading
    // direction never stays unseen.
    if (mark === undefined && INVISIBLE.test(c) && !(inside && JOINER.test(c))) {
      mark = `U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
    }
    const previous = out.at(-1);
    if (previous && previous.mark === (mark !== undefined)) previous.text += mark ?? c;
    else out.push({ text: mark ?? c, mark: mark !== undefined });
  });
  return out;
}

/** A token on one line: a leading space is dropped, other whitespace shows as marks. */
export function label(text: string, most = 16): string {
  const shown = pieces(text.length > 1 && text.startsWith(" ") ? text.slice(1) : text);
  const chars = [...shown.map((p) => p.text).join("")];
  return chars.length > most ? `${chars.slice(0, most - 1).join("")}…` : chars.join("");
}

const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

export function isRightToLeft(text: string): boolean {
  const strong = text.match(/\p{L}/u)?.[0];
  return strong !== undefined && RTL.test(strong);
}
