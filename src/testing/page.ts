/**
 * Hides or shows the page, as switching tabs in the browser does.
 */
export function setPageHidden(hidden: boolean): void {
  Object.defineProperty(document, 'hidden', {
    configurable: true,
    get: () => hidden
  });
  Object.defineProperty(document, 'visibilityState', {
    configurable: true,
    get: () => (hidden ? 'hidden' : 'visible')
  });
  document.dispatchEvent(new Event('visibilitychange'));
}

/**
 * Lets everything happen that follows from what a test did.
 *
 * In turns, not by one long time: on a busy machine time passes while nothing
 * has come to its turn.
 */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 15; turn++) {
    await new Promise(done => setTimeout(done, 4));
  }
}
