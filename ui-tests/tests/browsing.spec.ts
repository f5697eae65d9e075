import AxeBuilder from '@axe-core/playwright';
import { Page } from '@playwright/test';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { expect, measured, test } from '../fixtures';
import { IInvented, imageFile } from '../jupyter';

const COUNT = 1000;

/** A kernel that looks like one of a user. */
function invented(name: string, change: Partial<IInvented> = {}): IInvented {
  return {
    name,
    image: `lab/${name.toLowerCase()}:1`,
    bytes: 2.5e9,
    gpu: 'off',
    version: '3.12.3',
    ageHours: 30,
    ...change
  };
}

/** What keeps people out of the panel. */
async function barriers(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page })
    .include('.jp-ContainerKernels')
    .analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html}`));
}

test(
  'a thousand kernels are drawn at once, and scrolled without a gap',
  { tag: '@measured' },
  async ({ lab, page, jupyter }) => {
    const { panel } = lab;
    const slug = await jupyter.addKernel({
      image: await imageFile(),
      display_name: 'Original'
    });
    jupyter.copies(slug, COUNT - 1);
    const asked: string[] = [];
    page.on('request', request => {
      const path = new URL(request.url()).pathname;
      if (path.startsWith('/container-kernels/')) {
        asked.push(path);
      }
    });
    await page.evaluate(() => {
      const times = { answered: 0, drawn: 0 };
      Object.assign(window, { containerKernelsTimes: times });
      new PerformanceObserver(list => {
        for (const entry of list.getEntries()) {
          if (/container-kernels\/kernels(\?|$)/.test(entry.name)) {
            times.answered ||= (entry as PerformanceResourceTiming).responseEnd;
          }
        }
      }).observe({ type: 'resource' });
      new MutationObserver(() => {
        if (!times.drawn && document.querySelector('[role="row"][data-id]')) {
          requestAnimationFrame(() => {
            setTimeout(() => {
              times.drawn ||= performance.now(); // painted
            });
          });
        }
      }).observe(document, { childList: true, subtree: true });
    });
    await lab.openPanel();
    await expect(panel.table).toHaveAttribute(
      'aria-rowcount',
      String(COUNT + 1)
    );
    const time = await page.evaluate(async () => {
      const { containerKernelsTimes: times } = window as unknown as {
        containerKernelsTimes: { answered: number; drawn: number };
      };
      while (!times.answered || !times.drawn) {
        await new Promise(resolve => setTimeout(resolve, 20));
      }
      return times.drawn - times.answered;
    });
    measured('a thousand kernels painted after the answer', time, 'ms');
    expect(await panel.rows.count()).toBeLessThan(120);
    // two thousand tiles, which a page of its own would not have
    await lab.tab('Launcher').locator('.lm-TabBar-tabCloseIcon').click();
    await expect(lab.tab('Launcher')).toHaveCount(0);

    await test.step('every place that is scrolled to has its rows', async () => {
      const gaps = await page.evaluate(async () => {
        const scroller = document.querySelector(
          '.jp-ContainerKernels-scroller'
        ) as HTMLElement;
        const frame = () =>
          new Promise(resolve => requestAnimationFrame(resolve));
        const times: number[] = [];
        let missing = 0;
        for (let top = 0; top < scroller.scrollHeight; top += 640) {
          const start = performance.now();
          scroller.scrollTop = top;
          await frame();
          await frame();
          times.push(performance.now() - start);
          const box = scroller.getBoundingClientRect();
          for (const y of [box.top + 60, box.bottom - 40]) {
            const there = document.elementFromPoint(box.left + 60, y);
            if (!there?.closest('[role="row"]')) {
              missing++;
            }
          }
        }
        times.sort((a, b) => a - b);
        return { missing, median: times[Math.floor(times.length / 2)] };
      });
      measured('a step of scrolling, in the middle', gaps.median, 'ms');
      expect(gaps.missing).toBe(0);
    });

    await test.step('keys reach the last row and the first', async () => {
      await panel.rows.first().focus();
      await page.keyboard.press('End');
      await expect(page.locator('[aria-rowindex="1001"]')).toBeFocused();
      await expect(page.locator('[aria-rowindex="1001"]')).toBeInViewport();
      await page.keyboard.press('Home');
      await expect(page.locator('[aria-rowindex="2"]')).toBeFocused();
      await expect(page.locator('[aria-rowindex="2"]')).toBeInViewport();
    });

    // as for one row; more than once only where JupyterLab looked in between
    expect([...new Set(asked)].sort()).toEqual([
      '/container-kernels/info',
      '/container-kernels/kernels',
      '/container-kernels/tasks'
    ]);
    expect(asked.length).toBeLessThan(10);
  }
);

test('kernels that no longer work are cleaned up by keys, and nothing else goes, and come back by keys', async ({
  lab,
  page,
  jupyter
}) => {
  const { panel } = lab;
  const slug = await jupyter.addKernel({
    image: await imageFile(),
    display_name: 'Original'
  });
  const good = await jupyter.addKernel({
    image: await imageFile(),
    display_name: 'Good'
  });
  jupyter.invent(slug, [
    invented('Gone-1', { isMissing: true }),
    invented('Gone-2', { isMissing: true })
  ]);
  await lab.openPanel();
  const line = panel.region.getByText('2 kernels no longer work');
  await expect(line).toBeVisible();

  await panel.region.getByRole('button', { name: 'Clean up…' }).press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Clean up' });
  await expect(
    dialog.getByRole('checkbox', { name: /Gone-/, checked: true })
  ).toHaveCount(2);
  // The dialog gives the focus to its button when all is drawn.
  await expect(
    dialog.getByRole('button', { name: /^Delete 2, free/ })
  ).toBeFocused();
  await dialog.getByRole('checkbox', { name: /Gone-2/ }).press('Space');
  await expect(
    dialog.getByRole('button', { name: /^Delete 1, free/ })
  ).toBeVisible();
  await dialog.getByRole('checkbox', { name: /Gone-2/ }).press('Space');
  await dialog.getByRole('button', { name: /^Delete 2, free/ }).press('Enter');
  await expect(dialog).toHaveCount(0);
  await expect(line).toHaveCount(0);
  expect((await jupyter.slugs()).sort()).toEqual([good, slug].sort());
  expect(readdirSync(jupyter.kernels).sort()).toEqual([good, slug].sort());

  await lab
    .toast('Deleted 2 kernels')
    .getByRole('button', { name: 'Undo' })
    .press('Enter');
  await expect(line).toBeVisible();
  await expect(panel.row('Gone-1')).toBeVisible();
});

test('a table is sorted, grouped and chosen, remembered, and reachable', async ({
  lab,
  page,
  jupyter
}) => {
  const { panel } = lab;
  const slug = await jupyter.addKernel({
    image: await imageFile(),
    display_name: 'Original'
  });
  jupyter.invent(slug, [
    invented('Big', { bytes: 9e9 }),
    invented('Small', { bytes: 1e9 }),
    invented('Gone', { isMissing: true })
  ]);
  await lab.openPanel();
  await expect(panel.row('Big')).toBeVisible();
  const size = panel.table.getByRole('columnheader', { name: 'Size' });
  await size.getByRole('button').click();
  await size.getByRole('button').click();
  await expect(size).toHaveAttribute('aria-sort', 'descending');
  await expect(panel.rows.first()).toContainText('Big');
  await panel.region.getByRole('button', { name: 'Columns' }).click();
  await page
    .getByRole('menuitemcheckbox', { name: 'Created' })
    .or(page.getByRole('menuitem', { name: 'Created' }))
    .click();
  const created = panel.table.getByRole('columnheader', { name: 'Created' });
  await expect(created).toBeVisible();
  const saved = page.waitForResponse(
    answer =>
      answer.request().method() === 'PUT' &&
      !!answer.request().postData()?.includes('"isGrouped":true')
  );
  await panel.region.getByRole('button', { name: 'Group by image' }).click();
  await expect(panel.table).toContainText('1 kernel');

  await test.step('details by keys', async () => {
    await panel.row('Original').focus();
    await page.keyboard.press('ArrowRight');
    const details = panel.region.getByRole('region', { name: 'Original' });
    await expect(details).toContainText('Name in Jupyter');
    await expect(details.getByText('What Jupyter starts')).toBeVisible();
    await panel.row('Original').focus();
    await page.keyboard.press('Escape');
    await expect(details).toHaveCount(0);
  });

  await test.step('remembered', async () => {
    await saved;
    await lab.reload();
    await lab.openPanel();
    await expect(size).toHaveAttribute('aria-sort', 'descending');
    await expect(created).toBeVisible();
    await expect(
      panel.region.getByRole('button', { name: 'Group by image' })
    ).toHaveAttribute('aria-pressed', 'true');
  });

  for (const theme of ['JupyterLab Light', 'JupyterLab Dark']) {
    await test.step(`nothing keeps people out (${theme})`, async () => {
      await jupyter.setting('@jupyterlab/apputils-extension:themes', { theme });
      await lab.reload();
      await lab.openPanel();
      await panel.row('Gone').focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Space');
      await expect(panel.region).toContainText('1 selected');
      await expect(panel.region).toContainText('What Jupyter starts');
      expect(await barriers(page)).toEqual([]);
    });
  }
});

test.afterEach(async ({ server }) => {
  await server.setting('@jupyterlab/apputils-extension:themes', {});
  for (const name of readdirSync(server.kernels)) {
    if (/^copy-\d+$/.test(name)) {
      // a thousand deletions would take their time
      for (const folder of [server.kernels, server.packages]) {
        rmSync(join(folder, name), { recursive: true, force: true });
      }
    }
  }
});
