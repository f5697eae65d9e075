import { nullTranslator } from '@jupyterlab/translation';

import { IFormValues, toRequest } from '../formValues';
import {
  checkBind,
  checkDisplayName,
  checkForm,
  checkSlug,
  fieldOfError
} from '../validation';

const trans = nullTranslator.load('');

const values: IFormValues = {
  image: 'debian:12',
  displayName: 'Debian 12',
  slug: '',
  gpu: 'auto',
  binds: [],
  interpreter: '',
  environment: '',
  isolated: true,
  imageDir: '',
  byRuntime: false
};

describe('a display name', () => {
  it.each([
    'PyTorch 2.9.1',
    '"quoted" and \'quoted\'',
    '<b>bold</b>',
    '$(touch x) `touch y` ${z}',
    '🐍 emoji 👩‍🔬',
    'Ünïcødé 中文',
    'back\\slash',
    'x'.repeat(100),
    '🐍'.repeat(100) // characters are counted, not bytes
  ])('may be %j', name => {
    expect(checkDisplayName(name, 100, trans)).toBeUndefined();
  });

  it.each([
    ['', 'needs a name'],
    ['   ', 'needs a name'],
    ['two\nlines', 'line break'],
    ['a\u2028b', 'line break'],
    ['nul\u0000', 'control character'],
    ['half a pair \ud83d', 'control character'],
    ['x'.repeat(101), '101 characters'],
    ['x'.repeat(300), '300 characters']
  ])('must not be %j', (name, word) => {
    expect(checkDisplayName(name, 100, trans)?.message).toContain(word);
  });
});

describe('a kernel name', () => {
  it.each(['', '  ', 'a', '2024', 'pytorch-2.9.1', 'a_b.c-d', 'x'.repeat(80)])(
    'may be %j',
    slug => {
      expect(checkSlug(slug, ['taken'], trans)).toBeUndefined();
    }
  );

  it.each([
    ['PyTorch', 'pytorch'],
    ['a/b', 'letters'],
    ['..', 'letters'],
    ['.a', 'letters'],
    ['-a', 'letters'],
    ['a b', 'letters'],
    ['ä', 'letters'],
    ['x'.repeat(81), 'Up to 80'],
    ['python3', 'Choose another'],
    ['taken', 'Choose another']
  ])('must not be %j', (slug, word) => {
    expect(checkSlug(slug, ['taken'], trans)?.hint).toContain(word);
  });
});

describe('a folder to mount', () => {
  it.each([
    ['/project/lab', ''],
    ['/project/lab', '/data'],
    ['~', '/home/me'],
    ['~/data', '/data'],
    ['/with space, comma: colon', '/with space, comma: colon'],
    ['/quo"te', '/data'],
    ['/usr/share/data', '']
  ])('may be %j at %j', (source, destination) => {
    expect(checkBind({ source, destination }, trans)).toBeUndefined();
  });

  it.each([
    ['', '/data', 'no path'],
    ['relative', '', 'not a full path'],
    ['~other/data', '', 'not a full path'],
    ['/data', 'relative', 'not a full path'],
    ['/data', '~/data', 'not a full path'],
    ['/a\nb', '', 'line break'],
    ['/data', '/', 'Nothing can be put'],
    ['/etc', '', 'Nothing can be put'],
    ['/data', '/usr/', 'Nothing can be put'],
    ['/data', '/a/../etc', 'Nothing can be put']
  ])('must not be %j at %j', (source, destination, word) => {
    expect(checkBind({ source, destination }, trans)?.message).toContain(word);
  });
});

describe('a form', () => {
  it('without problems says none', () => {
    expect(
      checkForm(values, { displayNameLength: 100, takenSlugs: [] }, trans)
    ).toEqual({});
  });

  it('says what is wrong with every field at once', () => {
    const problems = checkForm(
      {
        image: 'Debian',
        displayName: '',
        slug: 'A',
        gpu: 'on',
        binds: [
          { key: 1, source: '', destination: '', readOnly: false },
          { key: 2, source: 'x', destination: '', readOnly: false }
        ],
        interpreter: 'python3',
        environment: 'A',
        isolated: true,
        imageDir: 'scratch',
        byRuntime: false
      },
      { displayNameLength: 100, takenSlugs: [] },
      trans
    );
    expect(Object.keys(problems).sort()).toEqual([
      'binds',
      'displayName',
      'environment',
      'image',
      'imageDir',
      'interpreter',
      'slug'
    ]);
  });

  it('sends what was typed, without blanks around it and empty rows', () => {
    expect(
      toRequest({
        image: ' docker pull debian:12 ',
        displayName: ' Debian "12" ',
        slug: ' ',
        gpu: 'off',
        binds: [
          { key: 1, source: ' /a, b:c ', destination: '', readOnly: true },
          { key: 2, source: '', destination: '', readOnly: false },
          { key: 3, source: '~/d', destination: ' /data ', readOnly: false }
        ],
        interpreter: ' /usr/bin/python3 ',
        environment: 'A= b \n\n',
        isolated: false,
        imageDir: ' ~/images ',
        byRuntime: true
      })
    ).toEqual({
      image: 'debian:12',
      display_name: 'Debian "12"',
      slug: null,
      gpu: 'off',
      binds: [
        { source: '/a, b:c', destination: null, read_only: true },
        { source: '~/d', destination: '/data', read_only: false }
      ],
      interpreter: '/usr/bin/python3',
      environment: { A: ' b ' },
      isolated: false,
      image_dir: '~/images',
      by_runtime: true
    });
  });

  it.each([
    ['invalid_reference', 'image'],
    ['image_not_found', 'image'],
    ['image_unusable', 'image'],
    ['image_not_readable', 'image'],
    ['wrong_architecture', 'image'],
    ['login_needed', 'image'],
    ['rate_limited', 'image'],
    ['registry_unreachable', 'image'],
    ['invalid_display_name', 'displayName'],
    ['invalid_slug', 'slug'],
    ['slug_taken', 'slug'],
    ['invalid_bind', 'binds'],
    ['invalid_environment', 'environment'],
    ['invalid_image_dir', 'imageDir'],
    ['language_missing', 'interpreter'],
    ['internal', undefined],
    ['runtime_missing', undefined]
  ] as const)('shows the error %s at %s', (code, field) => {
    expect(fieldOfError(code)).toBe(field);
  });
});
