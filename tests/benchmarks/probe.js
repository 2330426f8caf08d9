// In every measured page before its own scripts: when is the picture there, when does it change.
// Times are read in requestAnimationFrame, so what blocks the page counts.

window.bench = (() => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const small = new OffscreenCanvas(32, 32).getContext("2d", { willReadFrequently: true });

  /** Elements also inside open shadow roots. */
  function all(selector, root = document) {
    const found = [...root.querySelectorAll(selector)];
    for (const el of root.querySelectorAll("*")) if (el.shadowRoot) found.push(...all(selector, el.shadowRoot));
    return found;
  }

  const visible = (selector) => all(selector).filter((el) => el.getClientRects().length > 0);

  /** The largest canvas that can be seen: the picture itself, not a minimap. */
  const canvasOf = (selector) =>
    visible(selector).reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a));

  /** What a canvas shows, as a number; 0 while nothing is painted. */
  function shown(canvas) {
    if (!canvas.width || !canvas.height) return 0;
    small.clearRect(0, 0, 32, 32);
    small.drawImage(canvas, 0, 0, 32, 32);
    const { data } = small.getImageData(0, 0, 32, 32);
    let hash = 0;
    let any = 0;
    for (let i = 0; i < data.length; i++) {
      hash = (hash * 31 + data[i]) | 0;
      any |= data[i];
    }
    return any === 0 ? 0 : hash || 1;
  }

  const ready = {
    canvases: ({ selector, least }) => {
      const found = visible(selector);
      return found.length >= least && found.every((canvas) => shown(canvas) !== 0);
    },
    elements: ({ selector, least }) => document.querySelectorAll(selector).length >= least,
  };

  /** Say, on the console, when the picture is there: a blocked page can be waited for with a limit. */
  async function sayWhenPainted(how, options) {
    while (!document.body || !ready[how](options)) await frame();
    await frame(); // the frame in which it was seen has now been shown
    console.info(`bench:painted:${performance.now()}`);
  }

  /** Milliseconds from an event to the first frame whose canvas differs, and to the last change before rest. */
  async function untilChange(event, selector, idle) {
    const canvas = canvasOf(selector);
    const before = shown(canvas);
    const start = new Promise((resolve) =>
      window.addEventListener(event, (e) => resolve(e.timeStamp), { capture: true, once: true }),
    );
    console.info("bench:armed:0");
    const from = await start;
    let first = null;
    let last = null;
    let now = before;
    let quiet = 0;
    while (performance.now() - from < 120000) {
      await frame();
      const next = shown(canvas);
      if (next !== now) {
        now = next;
        quiet = 0;
        last = performance.now() - from;
        first ??= last;
      } else if (first !== null && (!idle || window.host.idle())) {
        quiet += 1;
        if (quiet > 3) break;
      }
    }
    console.info(`bench:changed:${first ?? 120000},${last ?? 120000}`);
  }

  /** Milliseconds from a pointer's move to the frame after something was written (words, or any style). */
  async function untilWritten(selector) {
    const target = all(selector)[0];
    const moved = new Promise((resolve) =>
      window.addEventListener("pointermove", (e) => resolve(e.timeStamp), { capture: true, once: true }),
    );
    const written = new Promise((resolve) =>
      new MutationObserver((_, observer) => {
        observer.disconnect();
        resolve();
      }).observe(target, { subtree: true, childList: true, characterData: true, attributes: true }),
    );
    console.info("bench:armed:0");
    const from = await moved;
    await written;
    await frame();
    console.info(`bench:written:${performance.now() - from}`);
  }

  /** Frames per second while an act is repeated in every frame; an act that changes nothing is refused. */
  async function rate(canvas, act, frames = 60) {
    const before = shown(canvas);
    for (let i = 0; i < 8; i++) {
      act(i);
      await frame();
    }
    await frame();
    if (shown(canvas) === before) throw new Error("the picture did not move");
    const start = await frame();
    let end = start;
    for (let i = 0; i < frames; i++) {
      act(i);
      end = await frame();
    }
    return (frames * 1000) / (end - start);
  }

  /** Show everything again, and let it be drawn. */
  async function fit(canvas) {
    canvas.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    for (let i = 0; i < 3; i++) await frame();
  }

  async function wheel(selector) {
    const canvas = canvasOf(selector);
    await fit(canvas);
    const box = canvas.getBoundingClientRect();
    const at = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
    return rate(canvas, (i) => {
      const deltaY = i % 40 < 20 ? -40 : 40;
      canvas.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY, ctrlKey: true, bubbles: true, cancelable: true }));
    });
  }

  async function drag(selector) {
    const canvas = canvasOf(selector);
    await fit(canvas);
    const box = canvas.getBoundingClientRect();
    const event = (type, i) => {
      const clientX = box.left + box.width * (0.5 + 0.2 * Math.sin(i / 9));
      const clientY = box.top + box.height * (0.5 + 0.2 * Math.cos(i / 9));
      const common = { clientX, clientY, pointerId: 1, button: 0, buttons: 1, bubbles: true, isPrimary: true };
      canvas.dispatchEvent(new PointerEvent(type, common));
    };
    for (let i = 0; i < 8; i++) {
      canvas.dispatchEvent(
        new WheelEvent("wheel", {
          clientX: box.left + box.width / 2,
          clientY: box.top + box.height / 2,
          deltaY: -100,
          ctrlKey: true,
          bubbles: true,
          cancelable: true,
        }),
      );
    }
    for (let i = 0; i < 3; i++) await frame();
    canvas.setPointerCapture = () => {}; // no real pointer is down
    event("pointerdown", 0);
    const found = await rate(canvas, (i) => event("pointermove", i));
    event("pointerup", 0);
    return found;
  }

  const nodes = () => all("*").length;

  return { canvasOf, shown, sayWhenPainted, untilChange, untilWritten, wheel, drag, nodes, frame };
})();
