// Every picture's legend: the range, its unit, and the marks that are not values.

import { colourOf, type Scale } from "./colour";
import { div, h } from "./dom";
import { digits } from "./format";

export class Legend {
  readonly el = div("iw-legend");
  #bar = h("canvas", { width: 120, height: 10, "aria-hidden": true });
  #low = h("span");
  #high = h("span");

  constructor() {
    this.el.append(this.#low, this.#bar, this.#high);
  }

  draw(scale: Scale, top: number): void {
    const g = this.#bar.getContext("2d")!;
    for (let x = 0; x < 120; x++) {
      // The bar is even in the value's root, as the picture is.
      const rgb = colourOf(scale, 1 + Math.round((250 * x) / 119)) ?? [0, 0, 0];
      g.fillStyle = `rgb(${rgb.map(Math.round).join(" ")})`;
      g.fillRect(x, 0, 1, 10);
    }
    this.#low.textContent = scale.signed ? digits(-top) : "0";
    this.#high.textContent = (scale.signed ? "+" : "") + digits(top);
  }
}
