import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '../fixtures';
import { imageFile } from '../jupyter';
import { takePicture } from '../pictures';

/** What Jupyter starts, and how it is called. */
function spec(folder: string): {
  display_name: string;
  metadata: { container_kernels: { environment: Record<string, string> } };
} {
  return JSON.parse(readFileSync(join(folder, 'kernel.json'), 'utf8'));
}

test('a kernel gets another name and a variable, and a twin', async ({
  lab,
  jupyter,
  page
}) => {
  const { panel } = lab;
  const slug = await jupyter.addKernel({
    image: await imageFile(),
    display_name: 'Before'
  });
  await lab.openPanel();

  await test.step('the form shows what is there, and waits for a change', async () => {
    await panel.row('Before').click({ button: 'right' });
    await page.locator('.lm-Menu-itemLabel', { hasText: /^Edit…$/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Edit Before' });
    await expect(dialog.getByLabel('Name', { exact: true })).toBeFocused();
    await expect(dialog.getByRole('button', { name: 'Save' })).toBeDisabled();
    await dialog.getByLabel('Name', { exact: true }).fill('After');
    await dialog.locator('summary', { hasText: 'More' }).click();
    await dialog.getByLabel('Environment').fill('GREETING=hello there');
    await takePicture(page, 'edit-light');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(dialog).toHaveCount(0);
  });

  await test.step('it is started once, then it is changed, in the Launcher too', async () => {
    await expect(lab.toast('was changed')).toBeVisible({ timeout: 60_000 });
    await expect(panel.row('After')).toBeVisible();
    await expect(panel.row('Before')).toHaveCount(0);
    const after = spec(join(jupyter.kernels, slug));
    expect(after.display_name).toBe('After');
    expect(after.metadata.container_kernels.environment).toEqual({
      GREETING: 'hello there'
    });
    await lab.openLauncher();
    await expect(lab.tile('After').first()).toBeVisible();
    await expect(lab.tile('Before')).toHaveCount(0);
  });

  await test.step('its twin is one more kernel of the same image', async () => {
    await lab.openPanel();
    await panel.row('After').click({ button: 'right' });
    await page
      .locator('.lm-Menu-itemLabel', { hasText: /^Duplicate…$/ })
      .click();
    const dialog = page.getByRole('dialog', { name: 'Duplicate After' });
    await expect(dialog.getByLabel('Name', { exact: true })).toHaveValue(
      'After 2'
    );
    await dialog.getByRole('button', { name: 'Make kernel' }).click();
    await expect(panel.row('After 2')).toBeVisible({ timeout: 60_000 });
    await lab.openLauncher();
    await expect(lab.tile('After 2').first()).toBeVisible();
  });
});
