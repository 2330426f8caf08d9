// One drawing, three outputs: the canvas in the page, a PNG, an SVG. A picture is a function of a pen.

export interface TextStyle {
  colour: string;
  size: number;
  anchor?: "start" | "middle" | "end";
  bold?: boolean;
  mono?: boolean;
  /** Degrees, clockwise, around the point. */
  turn?: number;
}

export interface Pen {
  rect(
    x: number,
    y: number,
    w: number,
    h: number,
    paint: { fill?: string; stroke?: string; width?: number; radius?: number },
  ): void;
  text(x: number, y: number, text: string, style: TextStyle): void;
  line(x1: number, y1: number, x2: number, y2: number, colour: string, width?: number): void;
  /** A canvas, drawn without smoothing. */
  image(source: HTMLCanvasElement, from: Box, to: Box): void;
}

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Fonts {
  sans: string;
  mono: string;
}

export class CanvasPen implements Pen {
  #g: CanvasRenderingContext2D;
  #fonts: Fonts;

  constructor(g: CanvasRenderingContext2D, fonts: Fonts) {
    this.#g = g;
    this.#fonts = fonts;
  }

  rect(
    x: number,
    y: number,
    w: number,
    h: number,
    paint: { fill?: string; stroke?: string; width?: number; radius?: number },
  ): void {
    const g = this.#g;
    g.beginPath();
    if (paint.radius) g.roundRect(x, y, w, h, paint.radius);
    else g.rect(x, y, w, h);
    if (paint.fill) {
      g.fillStyle = paint.fill;
      g.fill();
    }
    if (paint.stroke) {
      g.strokeStyle = paint.stroke;
      g.lineWidth = paint.width ?? 1;
      g.stroke();
    }
  }

  line(x1: number, y1: number, x2: number, y2: number, colour: string, width = 1): void {
    const g = this.#g;
    g.beginPath();
    g.moveTo(x1, y1);
    g.lineTo(x2, y2);
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.stroke();
  }

  text(x: number, y: number, text: string, style: TextStyle): void {
    const g = this.#g;
    g.save();
    g.translate(x, y);
    if (style.turn) g.rotate((style.turn * Math.PI) / 180);
    g.font = `${style.bold ? "600 " : ""}${style.size}px ${style.mono ? this.#fonts.mono : this.#fonts.sans}`;
    g.fillStyle = style.colour;
    g.textAlign = style.anchor === "middle" ? "center" : (style.anchor ?? "start");
    g.textBaseline = "middle";
    g.fillText(text, 0, 0);
    g.restore();
  }

  image(source: HTMLCanvasElement, from: Box, to: Box): void {
    this.#g.imageSmoothingEnabled = false;
    this.#g.drawImage(source, from.x, from.y, from.w, from.h, to.x, to.y, to.w, to.h);
  }
}

const SVG = "http://www.w3.org/2000/svg";

export class SvgPen implements Pen {
  readonly root: SVGSVGElement;

  #fonts: Fonts;

  constructor(width: number, height: number, background: string, fonts: Fonts) {
    this.#fonts = fonts;
    this.root = document.createElementNS(SVG, "svg");
    for (const [k, v] of Object.entries({ xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` })) {
      this.root.setAttribute(k, String(v));
    }
    this.rect(0, 0, width, height, { fill: background });
  }

  #add(tag: string, attributes: Record<string, string | number>): SVGElement {
    const el = document.createElementNS(SVG, tag);
    for (const [k, v] of Object.entries(attributes)) el.setAttribute(k, String(v));
    this.root.append(el);
    return el;
  }

  rect(
    x: number,
    y: number,
    w: number,
    h: number,
    paint: { fill?: string; stroke?: string; width?: number; radius?: number },
  ): void {
    this.#add("rect", {
      ...{ x, y, width: w, height: h, fill: paint.fill ?? "none" },
      ...(paint.stroke ? { stroke: paint.stroke, "stroke-width": paint.width ?? 1 } : {}),
      ...(paint.radius ? { rx: paint.radius } : {}),
    });
  }

  line(x1: number, y1: number, x2: number, y2: number, colour: string, width = 1): void {
    this.#add("line", { x1, y1, x2, y2, stroke: colour, "stroke-width": width });
  }

  text(x: number, y: number, text: string, style: TextStyle): void {
    const el = this.#add("text", {
      ...{ x, y, fill: style.colour, "font-size": style.size, "dominant-baseline": "central" },
      "font-family": style.mono ? this.#fonts.mono : this.#fonts.sans,
      "text-anchor": style.anchor ?? "start",
      ...(style.bold ? { "font-weight": 600 } : {}),
      ...(style.turn ? { transform: `rotate(${style.turn} ${x} ${y})` } : {}),
    });
    el.textContent = text;
  }

  image(source: HTMLCanvasElement, from: Box, to: Box): void {
    const cut = document.createElement("canvas");
    cut.width = Math.max(1, Math.round(from.w));
    cut.height = Math.max(1, Math.round(from.h));
    cut.getContext("2d")!.drawImage(source, -Math.round(from.x), -Math.round(from.y));
    this.#add("image", {
      ...{ x: to.x, y: to.y, width: to.w, height: to.h, preserveAspectRatio: "none" },
      href: cut.toDataURL("image/png"),
      style: "image-rendering:pixelated",
    });
  }

  toString(): string {
    return new XMLSerializer().serializeToString(this.root);
  }
}

/** Size a canvas for the screen's pixels and give a pen in CSS pixels. */
export function penFor(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  fonts: Fonts,
  ratio = devicePixelRatio || 1,
): Pen {
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const g = canvas.getContext("2d")!;
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return new CanvasPen(g, fonts);
}
