import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Makes the folder that everything of this run lies in, and removes it at the
 * end. Workers find it in `CK_UI_FOLDER`.
 */
export default function setup(): () => void {
  if (!process.env.CK_TEST_REGISTRY) {
    throw new Error(
      'CK_TEST_REGISTRY is not set: run this by scripts/with-registry.sh'
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'container-kernels-ui-'));
  process.env.CK_UI_FOLDER = folder;
  return () => {
    // Unpacked images may hold folders without the right to write.
    execFileSync('chmod', ['-R', 'u+rwX', folder]);
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  };
}
