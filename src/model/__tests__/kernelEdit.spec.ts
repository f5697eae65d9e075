import { aKernel, someInfo } from '../../testing/samples';
import { changesOf, formOf, isUnchanged, twinOf } from '../kernelEdit';

const kernel = aKernel({
  gpu: 'off',
  binds: [{ source: '/data', destination: null, read_only: true }],
  environment: { A: '1', B: '2' }
});

describe('what changes of a kernel', () => {
  it('is nothing while the form is as it was', () => {
    const changes = changesOf(kernel, formOf(kernel));
    expect(changes).toEqual({});
    expect(isUnchanged(changes)).toBe(true);
  });

  it('is not a folder that is only written in another way, nor an order', () => {
    expect(
      changesOf(kernel, {
        ...formOf(kernel),
        display_name: ' Debian 12 ',
        binds: [{ source: '/data', destination: '/data', read_only: true }],
        environment: { B: '2', A: '1' }
      })
    ).toEqual({});
  });

  it.each([
    [{ display_name: 'Mine' }],
    [{ gpu: 'on' }],
    [{ binds: [] }],
    [{ binds: [{ source: '/data', destination: null, read_only: false }] }],
    [{ environment: {} }],
    [{ environment: { A: '1', B: '3' } }],
    [{ isolated: false }]
  ] as const)('is %j alone', change => {
    const form = { ...formOf(kernel), ...JSON.parse(JSON.stringify(change)) };
    expect(changesOf(kernel, form)).toEqual(change);
  });

  it('stands in the form again when a task is tried again', () => {
    const edit = { gpu: 'on', environment: { C: '3' } } as const;
    expect(changesOf(kernel, formOf(kernel, edit))).toEqual(edit);
  });
});

describe('another kernel of an image', () => {
  it('gets the GPU where there is one and the first does without', () => {
    expect(twinOf(kernel, ['Debian 12'], someInfo())).toEqual({
      display_name: 'Debian 12 (GPU)',
      gpu: 'on'
    });
  });

  it.each([
    ['Debian 12', ['Debian 12'], 'Debian 12 2'],
    ['Debian 12', ['Debian 12', 'Debian 12 2'], 'Debian 12 3'],
    ['Mine 2', ['Mine', 'Mine 2'], 'Mine 3'],
    ['PyTorch 2.9.1', ['PyTorch 2.9.1'], 'PyTorch 2.9.1 2']
  ])('of %s, beside %j, is called %s', (display_name, names, expected) => {
    expect(twinOf(aKernel({ display_name }), names, someInfo())).toEqual({
      display_name: expected
    });
  });

  it('is the same once more where there is no GPU', () => {
    const info = someInfo({ gpu: { vendor: null, names: [] } });
    expect(twinOf(kernel, ['Debian 12'], info)).toEqual({
      display_name: 'Debian 12 2'
    });
  });
});
