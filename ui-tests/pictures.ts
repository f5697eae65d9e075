import type { Locator, Page } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import { dirname, join } from 'node:path';

import { Jupyter, registry } from './jupyter';

/** Where pictures go: to be looked at, not compared. */
const FOLDER = join(__dirname, 'screenshots');

/** The pictures in the documents. */
const DOCUMENTS = join(__dirname, '..', 'docs', 'images');

/** Whether those in the documents are renewed, which are in the light theme. */
export const isForDocuments = !!process.env.UPDATE_SCREENSHOTS;

/**
 * Takes a picture to be looked at.
 *
 * @param what - The page, or a part of it.
 * @param name - Of the file, as `add-light`.
 */
export async function takePicture(
  what: Page | Locator,
  name: string
): Promise<void> {
  await what.screenshot({
    path: join(FOLDER, `${name}.png`),
    animations: 'disabled'
  });
}

/**
 * Takes a picture for the documents, where that is wanted. What only this
 * machine calls so has a name in it that readers may have, too; the page keeps
 * these names until it draws the text anew.
 *
 * @param what - The page, or a part of it.
 * @param name - Of the file, as `add`.
 * @param jupyter - What the page shows.
 * @param names - More names, by what stands for them.
 */
export async function takePictureForDocuments(
  what: Page | Locator,
  name: string,
  jupyter: Jupyter,
  names: Record<string, string> = {}
): Promise<void> {
  if (!isForDocuments) {
    return;
  }
  const page = 'page' in what ? what.page() : what;
  await page.evaluate(renameInPage, {
    ...names,
    [join(jupyter.data, 'scratch')]: '/scratch',
    [jupyter.data]: '/home/mst3k/.local/share/jupyter',
    [jupyter.root]: '/home/mst3k',
    [dirname(jupyter.data)]: '/home/mst3k',
    [dirname(program('apptainer'))]: '/usr/bin',
    [dirname(program('jupyter'))]: '/opt/jupyter/bin',
    [registry()]: 'registry.example.org',
    [release()]: '5.14.0'
  });
  await what.screenshot({
    path: join(DOCUMENTS, `${name}.png`),
    animations: 'disabled',
    style: '.Toastify { visibility: hidden }'
  });
}

/** Runs in the page: writes other names in all that is shown. */
function renameInPage(names: Record<string, string>): void {
  const renamed = (text: string) =>
    Object.entries(names).reduce(
      (all, [from, to]) => all.split(from).join(to),
      text
    );
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
    const text = renamed(node.nodeValue ?? '');
    if (text !== node.nodeValue) {
      node.nodeValue = text;
    }
  }
  document.querySelectorAll('input').forEach(input => {
    if (input.type === 'text' || input.type === 'search') {
      input.value = renamed(input.value);
    }
  });
}

/** The full path of a program. */
function program(name: string): string {
  return execFileSync('sh', ['-c', `command -v ${name}`])
    .toString()
    .trim();
}

/** Toasts come and go as the machine is fast or slow; a picture has none. */
export async function hideToasts(page: Page): Promise<void> {
  const buttons = page.getByTitle('Hide notification');
  while ((await buttons.count()) > 0) {
    await buttons
      .first()
      .click({ timeout: 2000 })
      .catch(() => undefined); // it went by itself
  }
}
