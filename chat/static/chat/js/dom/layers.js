/**
 * What lies over the page is a step of the history: the Back button closes it, and closing it takes the step
 * back.
 */

const narrow = matchMedia("(max-width: 1100px)");
/** @type {Map<string, {show: (isOpen: boolean) => void, isOver: () => boolean}>} */
const layers = new Map();

/**
 * @param {string} name  in the state of the history
 * @param {(isOpen: boolean) => void} show  harmless when it is so already
 * @param {() => boolean} [isOver]
 */
export function layer(name, show, isOver = () => narrow.matches) {
  layers.set(name, { show, isOver });
  return {
    open() {
      if (isOver() && history.state?.over !== name)
        history.pushState({ ...history.state, over: name }, "");
      show(true);
    },
    close() {
      if (history.state?.over === name) history.back();
      else show(false);
    },
  };
}

/** The history has moved. */
export function followLayers() {
  for (const [name, { show, isOver }] of layers) if (isOver()) show(history.state?.over === name);
}
