// Finds text that can be seen and has less contrast to its ground than arguments[0], as WCAG 2 reckons it.

const [least, done] = arguments;
const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
const parsed = (text) => {
  const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
  return [r, g, b, a];
};
const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3]));
const ground = (element) =>
  over(
    parsed(getComputedStyle(element).backgroundColor),
    element.parentElement ? ground(element.parentElement) : [255, 255, 255],
  );

function contrast(element) {
  const below = ground(element);
  const shown = over(parsed(getComputedStyle(element).color), below);
  const [dark, light] = [shown, below].map(luminance).sort((one, other) => one - other);
  return (light + 0.05) / (dark + 0.05);
}

function measured() {
  const faint = {};
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: element, textContent: text } = texts.currentNode;
    const seen = text.trim() && !element.closest("noscript") && element.checkVisibility({ visibilityProperty: true });
    if (seen && contrast(element) < least) faint[text.trim().slice(0, 40)] = contrast(element);
  }
  return faint;
}

// Colours that have just been changed are not there before the next frame, and fade in.
requestAnimationFrame(() =>
  requestAnimationFrame(async () => {
    const fading = document.getAnimations().filter((each) => each instanceof CSSTransition);
    await Promise.allSettled(fading.map(({ finished }) => finished));
    done(measured());
  }),
);
