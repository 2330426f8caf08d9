// Codes to pixels: an off-screen canvas with one pixel per code, or fewer when the screen has fewer.

import { NOT_A_NUMBER, type Scale } from "../../core/colour";

/** Two codes of neighbouring cells as one: the one farther from zero, so that no bright cell vanishes. */
function stronger(a: number, b: number, signed: boolean): number {
  if (!signed || a > 251 || b > 251) return Math.max(a, b);
  if (a === 0 || b === 0) return a + b;
  return Math.abs(a - 126) >= Math.abs(b - 126) ? a : b;
}

export interface Window {
  top: number;
  left: number;
  rows: number;
  columns: number;
}

export function raster(
  codes: Uint8Array,
  columns: number,
  window: Window,
  most: { rows: number; columns: number },
  scale: Scale,
): HTMLCanvasElement {
  const height = Math.max(1, Math.min(window.rows, Math.round(most.rows)));
  const width = Math.max(1, Math.min(window.columns, Math.round(most.columns)));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const g = canvas.getContext("2d")!;
  const image = g.createImageData(width, height);
  const same = height === window.rows && width === window.columns;
  const pooled = new Uint8Array(width * height);
  if (same) {
    for (let y = 0; y < height; y++) {
      const from = (window.top + y) * columns + window.left;
      pooled.set(codes.subarray(from, from + width), y * width);
    }
  } else {
    for (let r = 0; r < window.rows; r++) {
      const y = Math.floor((r * height) / window.rows);
      const from = (window.top + r) * columns + window.left;
      for (let c = 0; c < window.columns; c++) {
        const at = y * width + Math.floor((c * width) / window.columns);
        pooled[at] = stronger(pooled[at]!, codes[from + c]!, scale.signed);
      }
    }
  }
  for (let i = 0; i < pooled.length; i++) {
    const code = pooled[i]!;
    // Not-a-number is hatched: light and dark along the diagonals, whatever the zoom.
    const dim = code === NOT_A_NUMBER && (i + Math.floor(i / width)) % 2 === 0 ? 0.45 : 1;
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = scale.lut[4 * code + k]! * dim;
    image.data[4 * i + 3] = scale.lut[4 * code + 3]!;
  }
  g.putImageData(image, 0, 0);
  return canvas;
}
