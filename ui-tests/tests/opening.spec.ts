import { expect, test } from '../fixtures';

test('the panel opens from the palette, the menu and a tile leads to the dialog', async ({
  lab,
  page
}) => {
  const { panel, addDialog } = lab;

  await test.step('the palette', async () => {
    await lab.command('Container Kernels');
    await expect(panel.region).toBeVisible();
    await expect(lab.tab('Container Kernels')).toHaveCount(1);
    await lab.command('Add container kernel');
    await expect(addDialog.dialog).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(addDialog.dialog).toHaveCount(0);
  });

  await test.step('the menus; there is one panel at most', async () => {
    await lab.tab('Launcher').click();
    await lab.menu('View', 'Container Kernels');
    await expect(panel.region).toBeVisible();
    await expect(lab.tab('Container Kernels')).toHaveCount(1);
    await lab.menu('Kernel', 'Add container kernel');
    await expect(addDialog.dialog).toBeVisible();
    await addDialog.cancelButton.click();
    await expect(addDialog.dialog).toHaveCount(0);
    await lab.menu('File', 'New', 'Container Kernel…');
    await expect(addDialog.dialog).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(addDialog.dialog).toHaveCount(0);
  });

  await test.step('the shortcut', async () => {
    await page.keyboard.press('Control+Alt+K');
    await expect(addDialog.dialog).toBeVisible();
    await expect(addDialog.image).toBeFocused();
    await page.keyboard.press('Control+Alt+K');
    await expect(addDialog.dialog).toHaveCount(1);
    await page.keyboard.press('Escape');
    await expect(addDialog.dialog).toHaveCount(0);
  });
});

test('an empty panel says what this is and offers to add a kernel', async ({
  lab
}) => {
  await lab.openPanel();
  await expect(lab.panel.region).toContainText(
    'A container kernel runs your notebooks inside a container image'
  );
  await lab.panel.region
    .getByRole('button', { name: 'Add container kernel' })
    .click();
  await expect(lab.addDialog.image).toBeFocused();
  await lab.addDialog.cancelButton.click();

  // Buttons that do something are not switches that stay pressed.
  await lab.panel.addButton.click();
  await lab.addDialog.cancelButton.click();
  await lab.panel.refreshButton.click();
  for (const button of [lab.panel.addButton, lab.panel.refreshButton]) {
    await expect(button).not.toHaveAttribute('aria-pressed', 'true');
  }
});

test('the panel is where it was after the page is loaded anew, and one closed stays closed', async ({
  lab
}) => {
  const saved = lab.page.waitForResponse(
    answer =>
      answer.url().includes('/lab/api/workspaces/') &&
      answer.request().method() === 'PUT' &&
      /"container-kernels:container-kernels"[,\]]/.test(
        answer.request().postData() ?? ''
      )
  );
  await lab.openPanel();
  await saved;
  await lab.reload();
  await expect(lab.panel.region).toBeVisible();
  await expect(lab.tab('Container Kernels')).toHaveCount(1);
  await lab
    .tab('Container Kernels')
    .getByTitle('Close')
    .or(lab.tab('Container Kernels').locator('.lm-TabBar-tabCloseIcon'))
    .first()
    .click();
  await expect(lab.panel.region).toHaveCount(0);
  await lab.openPanel();
  await expect(lab.tab('Container Kernels')).toHaveCount(1);
});
