import AxeBuilder from '@axe-core/playwright';
import { Page } from '@playwright/test';
import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';

import { expect, test } from '../fixtures';
import { imageFile, registry } from '../jupyter';

/** What keeps people out, in a part of the page. */
async function barriers(page: Page, part: string): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page })
    .include(part)
    .analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(node => `${id}: ${node.html} ${node.failureSummary}`)
    );
}

for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
  test(`nothing in panel and dialogs keeps people out (${theme})`, async ({
    page,
    jupyter,
    lab
  }) => {
    await jupyter.setting('@jupyterlab/apputils-extension:themes', { theme });
    await lab.reload();
    await lab.openPanel();
    expect(await barriers(page, '.jp-ContainerKernels')).toEqual([]);

    const image = await imageFile();
    await jupyter.addKernel({ image, display_name: 'Reachable' });
    const failed = await jupyter.add({
      image: `${registry()}/test/no-python:1`,
      display_name: 'Wrong'
    });
    await jupyter.ended(failed.id);
    await lab.panel.refreshButton.click();
    await expect(lab.panel.row('Reachable')).toBeVisible();
    await lab.panel
      .task('Wrong could not be added')
      .getByRole('button', { name: 'Log of Wrong' })
      .click();
    expect(await barriers(page, '.jp-ContainerKernels')).toEqual([]);

    await lab.panel.row('Reachable').press('Delete');
    await expect(lab.deleteDialog.dialog).toBeVisible();
    expect(await barriers(page, '.jp-ContainerKernels-dialog')).toEqual([]);
    await page.keyboard.press('Escape');

    await lab.panel.addButton.click();
    await lab.addDialog.more.click();
    await lab.addDialog.dialog
      .getByRole('button', { name: 'Add folder' })
      .click();
    await lab.addDialog.image.fill('A:1');
    await expect(lab.addDialog.answer).toContainText('lower case');
    expect(await barriers(page, '.jp-ContainerKernels-dialog')).toEqual([]);
  });
}

test.afterEach(async ({ server }) => {
  await server.setting('@jupyterlab/apputils-extension:themes', {});
});

test('Notebook 7 has the extension, without a complaint', async ({
  page,
  jupyter,
  complaints
}) => {
  await page.goto(`${jupyter.url}tree?token=${jupyter.token}`);
  await expect(page.getByRole('main')).toBeVisible();
  await expect(page.getByRole('menuitem', { name: 'File' })).toBeVisible();
  await page.keyboard.press('Control+Alt+K');
  const dialog = page.getByRole('dialog', { name: 'Add container kernel' });
  await expect(dialog.getByLabel('Image', { exact: true })).toBeFocused();
  await dialog.getByLabel('Image', { exact: true }).fill(await imageFile());
  await dialog.getByLabel('Name', { exact: true }).fill('In Notebook');
  await dialog.getByRole('button', { name: 'Add kernel' }).click();
  await expect(dialog).toHaveCount(0);
  const ready = page
    .locator('.Toastify__toast')
    .filter({ hasText: 'In Notebook is ready.' });
  await expect(ready).toBeVisible({ timeout: 60_000 });
  const ours = complaints.filter(each => /container.?kernels/i.test(each));
  expect(ours).toEqual([]);
});

test.describe('a page of another origin', () => {
  let other: Server;
  let origin: string;

  test.beforeAll(async () => {
    other = createServer((_, answer) => {
      answer.setHeader('content-type', 'text/html');
      answer.end('<!doctype html><title>Other</title><p>Other</p>');
    });
    await new Promise<void>(resolve => {
      other.listen(0, '127.0.0.1', resolve);
    });
    origin = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
  });

  test.afterAll(() => {
    other.close();
  });

  test('cannot add a kernel for somebody who is logged in', async ({
    lab,
    page,
    jupyter
  }) => {
    // Who opened JupyterLab has a cookie, and cookies do not know ports.
    await page.goto(`${jupyter.url}container-kernels/tasks`);
    await expect(page.locator('body')).toContainText('"tasks"');
    await page.goto(origin);
    const url = `${jupyter.url}container-kernels/kernels`;
    const body = JSON.stringify({ image: `${registry()}/demo/python:1` });

    for (const type of ['text/plain', 'application/json']) {
      for (const mode of ['cors', 'no-cors'] as const) {
        const answer = await page.evaluate(
          ([where, what, how, kind]) =>
            fetch(where, {
              method: 'POST',
              credentials: 'include',
              mode: how as RequestMode,
              headers: { 'content-type': kind },
              body: what
            }).then(
              response => `${response.type} ${response.status}`,
              error => String(error)
            ),
          [url, body, mode, type]
        );
        expect(answer, `${mode} ${type}`).not.toMatch(/ 2\d\d$/);
      }
    }
    await page.evaluate(
      ([where, what]) => {
        const form = document.createElement('form');
        form.method = 'post';
        form.action = where;
        form.enctype = 'text/plain';
        const field = document.createElement('input');
        // a form makes NAME=VALUE of it, which is JSON all the same
        field.name = `${what.slice(0, -1)}, "display_name": "`;
        field.value = '"}';
        form.append(field);
        document.body.append(form);
        form.submit();
      },
      [url, body]
    );
    await page.waitForURL(`${jupyter.url}**`);
    expect(await jupyter.tasks()).toEqual([]);
    expect(await jupyter.slugs()).toEqual([]);
    void lab;
  });
});
