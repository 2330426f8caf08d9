// The picture as a file: what the screen shows, drawn once more by another pen.

import { CanvasPen, type Fonts, type Pen, SvgPen } from "./pen";

export interface Drawing {
  width: number;
  height: number;
  paint(pen: Pen): void;
}

/** The same pen with its origin moved. */
export function shifted(pen: Pen, dx: number, dy: number): Pen {
  return {
    rect: (x, y, w, h, paint) => pen.rect(x + dx, y + dy, w, h, paint),
    line: (x1, y1, x2, y2, colour, width) => pen.line(x1 + dx, y1 + dy, x2 + dx, y2 + dy, colour, width),
    text: (x, y, text, style) => pen.text(x + dx, y + dy, text, style),
    image: (source, from, to) => pen.image(source, from, { ...to, x: to.x + dx, y: to.y + dy }),
  };
}

export function toSvg({ width, height, paint }: Drawing, background: string, fonts: Fonts): string {
  const pen = new SvgPen(width, height, background, fonts);
  paint(pen);
  return pen.toString();
}

/** At twice the size of the screen, for print. */
export function toPng({ width, height, paint }: Drawing, background: string, fonts: Fonts): Promise<Blob> {
  const canvas = document.createElement("canvas");
  canvas.width = 2 * width;
  canvas.height = 2 * height;
  const g = canvas.getContext("2d")!;
  g.scale(2, 2);
  g.fillStyle = background;
  g.fillRect(0, 0, width, height);
  paint(new CanvasPen(g, fonts));
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("the browser made no PNG"))),
      "image/png",
    );
  });
}
