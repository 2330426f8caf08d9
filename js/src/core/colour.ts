// Colour scales for the byte codes of interpwidgets/analyses/pictures.py. Interpolated in OKLab, so that equal steps
// of the code look equal; both ends are the host's background at zero, so that nothing looks like nothing.

import { luminance, type Rgb, type Theme } from "./theme";

export const MASKED = 0;
export const MINUS_INFINITY = 253;
export const PLUS_INFINITY = 254;
export const NOT_A_NUMBER = 255;

export interface Scale {
  signed: boolean;
  /** `[256 * 4]` RGBA of each code. Masked is transparent; not-a-number is drawn as a hatch on top of grey. */
  lut: Uint8ClampedArray;
}

type Lab = [number, number, number];

function toLab([r, g, b]: Rgb): Lab {
  const f = (c: number) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const [x, y, z] = [f(r), f(g), f(b)];
  const l = Math.cbrt(0.4122214708 * x + 0.5363325363 * y + 0.0514459929 * z);
  const m = Math.cbrt(0.2119034982 * x + 0.6806995451 * y + 0.1073969566 * z);
  const s = Math.cbrt(0.0883024619 * x + 0.2817188376 * y + 0.6299787005 * z);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toRgb([L, a, b]: Lab): Rgb {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const g = (c: number) =>
    Math.max(0, Math.min(255, 255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055)));
  return [
    g(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    g(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    g(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function ramp(stops: readonly Rgb[], t: number): Rgb {
  const at = Math.max(0, Math.min(1, t)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(at));
  const [a, b] = [toLab(stops[i]!), toLab(stops[i + 1]!)];
  return toRgb(a.map((v, k) => v + (at - i) * (b[k]! - v)) as Lab);
}

const INDIGO: readonly Rgb[] = [
  [198, 213, 243],
  [116, 134, 205],
  [64, 66, 152],
  [29, 22, 84],
];
const GOLD: readonly Rgb[] = [
  [40, 40, 104],
  [88, 74, 160],
  [178, 138, 178],
  [255, 226, 178],
];
const BLUE: Record<Theme, readonly Rgb[]> = {
  light: [
    [150, 186, 240],
    [20, 74, 178],
  ],
  dark: [
    [44, 74, 140],
    [140, 184, 255],
  ],
};
const ORANGE: Record<Theme, readonly Rgb[]> = {
  light: [
    [250, 190, 130],
    [176, 74, 0],
  ],
  dark: [
    [130, 72, 20],
    [255, 178, 96],
  ],
};

export function makeScale(theme: Theme, bg: Rgb, signed: boolean): Scale {
  const lut = new Uint8ClampedArray(256 * 4);
  const put = (code: number, rgb: Rgb, alpha = 255) => lut.set([...rgb, alpha], code * 4);
  if (signed) {
    for (let d = 0; d <= 125; d++) {
      put(126 + d, ramp([bg, ...ORANGE[theme]], d / 125));
      put(126 - d, ramp([bg, ...BLUE[theme]], d / 125));
    }
  } else {
    for (let c = 1; c <= 251; c++) put(c, ramp([bg, ...(theme === "light" ? INDIGO : GOLD)], (c - 1) / 250));
  }
  put(MASKED, bg, 0);
  put(MINUS_INFINITY, theme === "light" ? [0, 114, 178] : [86, 180, 233]);
  put(PLUS_INFINITY, [213, 94, 0]);
  put(NOT_A_NUMBER, [140, 140, 140]);
  return { signed, lut };
}

/** The code of a value, as Python's `encode` gives it. */
export function codeOf(value: number, scale: number, signed: boolean): number {
  if (Number.isNaN(value)) return NOT_A_NUMBER;
  if (value === Number.POSITIVE_INFINITY) return PLUS_INFINITY;
  if (value === Number.NEGATIVE_INFINITY) return MINUS_INFINITY;
  const root = scale > 0 ? Math.sqrt(Math.min(1, Math.abs(value) / scale)) : 0;
  return signed
    ? 126 + Math.sign(value) * Math.round(125 * root)
    : 1 + Math.round(250 * (value > 0 ? root : 0));
}

/** The value a code stands for: good to look at, never shown as digits without a "≈". */
export function valueAt(code: number, scale: number, signed: boolean): number {
  if (code === MASKED) return 0;
  if (code === NOT_A_NUMBER) return Number.NaN;
  if (code === PLUS_INFINITY) return Number.POSITIVE_INFINITY;
  if (code === MINUS_INFINITY) return Number.NEGATIVE_INFINITY;
  if (signed) return Math.sign(code - 126) * scale * (Math.abs(code - 126) / 125) ** 2;
  return scale * ((code - 1) / 250) ** 2;
}

export function colourOf(scale: Scale, code: number): Rgb | null {
  const o = code * 4;
  return scale.lut[o + 3] === 0 ? null : [scale.lut[o]!, scale.lut[o + 1]!, scale.lut[o + 2]!];
}

/** Ink that can be read on a colour: at least 4.5 to 1. */
export function inkOn(rgb: Rgb): string {
  return luminance(rgb) > 0.179 ? "#000" : "#fff";
}
