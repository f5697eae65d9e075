import { nullTranslator } from '@jupyterlab/translation';

import {
  aFailedLog,
  aKernel,
  aRunningLog,
  aTroubledStart
} from '../../testing/samples';
import {
  headOf,
  lastLines,
  ranFor,
  startReport,
  startTitle
} from '../startLog';

const trans = nullTranslator.load('');

describe('the log of a start', () => {
  it('tells its head, and how long the kernel ran', () => {
    expect(headOf(aFailedLog()).get('runtime')).toBe('/usr/bin/apptainer');
    expect(ranFor(aFailedLog())).toBe(1);
    expect(ranFor(aRunningLog())).toBeNull();
  });

  it('is of the last end, when an earlier kernel wrote to it, too', () => {
    const log = aFailedLog();
    log.text += 'more\n# ended: 2026-03-01T12:01:40+0000 failed 1\n';
    expect(ranFor(log)).toBe(100);
  });

  it('has last lines without head and end while it goes on', () => {
    expect(
      lastLines(aTroubledStart({ kind: 'slow', log: aRunningLog() }))
    ).toEqual(['container-kernels: The image /scratch/x.sif is not there.']);
  });

  it.each([
    ['failed', 'Debian 12 could not start'],
    ['stopped', 'Debian 12 has stopped'],
    ['slow', 'Debian 12 has not answered for 10 seconds']
  ] as const)('of a start that %s is headed “%s”', (kind, title) => {
    expect(startTitle(aTroubledStart({ kind }), trans)).toBe(title);
  });
});

describe('a report', () => {
  const report = (lines: string[]) => {
    const start = aTroubledStart();
    const diagnosis = start.log.start.diagnosis;
    return startReport(
      aTroubledStart({
        log: aFailedLog({
          diagnosis: diagnosis && { ...diagnosis, lines }
        })
      }),
      aKernel(),
      trans
    );
  };

  it('holds what somebody needs who is to help', () => {
    const text = report(['last line']);
    for (const part of [
      'Debian 12 could not start',
      'The image /scratch/x.sif is not there on node1.',
      'Kernel: Debian 12 (debian-12)',
      'docker://docker.io/library/debian:12 sha256:4e1c',
      'Runtime: /usr/bin/apptainer apptainer 1.4.5',
      'Node: node1',
      'Exit code: 69',
      'Cause: image_missing',
      'last line'
    ]) {
      expect(text).toContain(part);
    }
  });

  it('names no home directory and no secret', () => {
    const text = report([
      'in /home/u/work and /home/other/x',
      'JUPYTER_TOKEN=0123abc Authorization: Bearer s3cret',
      "password: 'hunter2'",
      'https://ann:hunter2@registry.org/v2/'
    ]);
    expect(text).toContain('in ~/work and ~/x');
    for (const secret of ['/home/u', '0123abc', 's3cret', 'hunter2', 'ann']) {
      expect(text).not.toContain(secret);
    }
  });

  it('says what is known of a kernel that nobody lists any more', () => {
    const log = aRunningLog();
    log.text = '# started: 2026-03-01T12:00:00+0000\nin /home/u/x\n';
    log.start.node = null;
    const text = startReport(
      aTroubledStart({ kind: 'slow', log }),
      undefined,
      trans
    );
    expect(text).toContain('Debian 12 has not answered for 10 seconds');
    expect(text).toContain('in ~/x');
    for (const row of ['Image:', 'Runtime:', 'Node:', 'Exit code:', 'Cause:']) {
      expect(text).not.toContain(row);
    }
  });

  it('names the image by its place where the log does not say it', () => {
    const log = aRunningLog();
    log.text = '';
    const text = startReport(
      aTroubledStart({ kind: 'slow', log }),
      aKernel(),
      trans
    );
    expect(text).toMatch(/Image: docker:.* sha256:.* ~\/\.local\/.*\.sif/);
  });

  it('names no home directory that lies elsewhere', () => {
    const text = startReport(
      aTroubledStart({ log: aFailedLog({ diagnosis: null }) }),
      aKernel({
        resource_dir: '/cluster/people/ann/.local/share/jupyter/kernels/x'
      }),
      trans
    );
    expect(text).not.toContain('/cluster/people/ann');
  });
});
