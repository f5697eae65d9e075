import { aSiteImage } from '../../testing/samples';
import { offeredImages } from '../catalogue';

const torch = aSiteImage();
const bio = aSiteImage({
  title: 'Bioconductor 3.20',
  image: '/shared/images/bioc.sif',
  description: '',
  language: 'R'
});

describe('what of the catalogue is offered', () => {
  it.each([
    ['', [torch, bio]],
    ['  ', [torch, bio]],
    ['TORCH', [torch]],
    ['cuda tested', [torch]],
    ['cuda bioc', []],
    ['/shared', [bio]],
    [bio.image, []], // it is chosen
    ['debian:12', []]
  ])('for “%s”', (typed, offered) => {
    expect(offeredImages([torch, bio], typed)).toEqual(offered);
  });
});
