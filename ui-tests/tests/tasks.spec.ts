import { expect, test } from '../fixtures';
import { imageFile, registry } from '../jupyter';
import { SlowRegistry } from '../session';

test('a pull that is cancelled leaves nothing, and can be tried again', async ({
  lab,
  jupyter
}) => {
  const { addDialog, panel } = lab;
  const images = await SlowRegistry.start(300e3);
  await lab.openPanel();
  await panel.addButton.click();
  await addDialog.image.fill(`${images.address}/demo/python:1`);
  await addDialog.name.fill('Cancelled');
  await addDialog.addButton.click();
  const row = panel.task('Adding Cancelled');
  await expect(row.locator('[aria-current="step"]')).toContainText('acquire');
  await row.getByRole('button', { name: 'Log of Cancelled' }).click();
  await expect(row.getByRole('log')).toContainText(/\S/);
  await row.getByRole('button', { name: 'Cancel', exact: true }).click();
  const ended = panel.task('Cancelled was cancelled');
  await expect(ended).toBeVisible();
  await expect(lab.statusItem).toHaveCount(0);
  await expect
    .poll(() =>
      jupyter
        .leftovers()
        .filter(path => !path.startsWith('container-kernels/tasks/'))
    )
    .toEqual([]);

  await ended.getByRole('button', { name: 'Retry', exact: true }).click();
  await expect(panel.task('Adding Cancelled')).toBeVisible();
  await expect(ended).toHaveCount(0);
  await panel
    .task('Adding Cancelled')
    .getByRole('button', { name: 'Cancel', exact: true })
    .click();
  await ended.getByRole('button', { name: 'Dismiss' }).click();
  await expect(panel.tasks).toHaveCount(0);
  await expect.poll(() => jupyter.leftovers()).toEqual([]);
  images.stop();
});

test('a task that fails says what, why and what next, and Edit mends it', async ({
  lab,
  jupyter
}) => {
  const { addDialog, panel } = lab;
  await lab.openPanel();
  await panel.addButton.click();
  await addDialog.image.fill(`${registry()}/test/no-python:1`);
  await addDialog.name.fill('Wrong');
  await addDialog.addButton.click();

  const failed = panel.task('Wrong could not be added');
  await expect(failed).toBeVisible({ timeout: 60_000 });
  const [task] = await jupyter.tasks();
  expect(task.error?.code).toBe('language_missing');
  await expect(failed).toContainText(task.error?.message ?? '-');
  await expect(failed).toContainText(task.error?.hint ?? '-');
  await expect(lab.toast('Wrong could not be added.')).toBeVisible();
  await expect(lab.tile('Wrong')).toHaveCount(0);
  await failed.getByRole('button', { name: 'Log of Wrong' }).click();
  await expect(failed.getByRole('log')).toContainText(/\S/);

  await failed.getByRole('button', { name: 'Edit' }).click();
  await expect(addDialog.image).toHaveValue(`${registry()}/test/no-python:1`);
  await expect(addDialog.name).toHaveValue('Wrong');
  await addDialog.image.fill(await imageFile());
  await expect(addDialog.name).toHaveValue('Wrong');
  await addDialog.name.fill('Right');
  await addDialog.addButton.click();
  await expect(panel.row('Right')).toBeVisible({ timeout: 60_000 });
  await expect(failed).toHaveCount(0);
});

test('an answer that is not ours means a lost connection, never a failed task', async ({
  lab,
  page,
  jupyter
}) => {
  const { panel } = lab;
  await lab.openPanel();
  const task = await jupyter.add({
    image: await imageFile(),
    display_name: 'Steady'
  });
  await expect(panel.task('Adding Steady')).toBeVisible();
  await page.route('**/container-kernels/**', route =>
    route.fulfill({
      status: 502,
      contentType: 'text/html',
      body: '<html><body><h1>Proxy Error</h1></body></html>'
    })
  );
  await panel.refreshButton.click(); // nobody asks any more if it has ended
  await expect(panel.banner('Connection lost, trying again…')).toBeVisible();
  await expect(panel.task(/Steady/)).toBeVisible();
  expect((await jupyter.ended(task.id)).state).toBe('done');
  await expect(panel.region).not.toContainText('could not be added');
  await expect(lab.toast('could not be added')).toHaveCount(0);

  // The pauses between tries have grown by now; somebody can cut them short.
  await page.unroute('**/container-kernels/**');
  await panel
    .banner('Connection lost')
    .getByRole('button', { name: 'Try now' })
    .click({ timeout: 2000 })
    .catch(() => undefined); // it was found before the click
  await expect(panel.banner('Connection lost')).toHaveCount(0);
  await expect(panel.row('Steady')).toContainText('Ready');
  await expect(lab.tile('Steady')).toHaveCount(1);
});

test('a connection that comes back is found without a click', async ({
  lab,
  page,
  jupyter
}) => {
  const { panel } = lab;
  await lab.openPanel();
  await expect(panel.region).toContainText('A container kernel runs');
  await page.route('**/container-kernels/**', route => route.abort());
  await panel.refreshButton.click();
  await expect(panel.banner('Connection lost')).toBeVisible();
  await jupyter.addKernel({ image: await imageFile(), display_name: 'Back' });
  await page.unroute('**/container-kernels/**');
  await expect(panel.banner('Connection lost')).toHaveCount(0, {
    timeout: 40_000
  });
  await expect(panel.row('Back')).toBeVisible();
});
