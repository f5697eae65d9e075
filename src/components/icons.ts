import { LabIcon } from '@jupyterlab/ui-components';

import addContainerSvg from '../../style/icons/add-container.svg';
import containerTileSvg from '../../style/icons/container-tile.svg';
import containerSvg from '../../style/icons/container.svg';

/** A container, in the colours of the theme. */
export const containerIcon = new LabIcon({
  name: 'container-kernels:icon',
  svgstr: containerSvg
});

/** A container, in colours of its own. */
export const containerTileIcon = new LabIcon({
  name: 'container-kernels:tile-icon',
  svgstr: containerTileSvg
});

/** A container and a plus, in colours of its own. */
export const addContainerIcon = new LabIcon({
  name: 'container-kernels:add-icon',
  svgstr: addContainerSvg
});

/** The same as an address, for a tile among those of kernels. */
export const addContainerUrl = `data:image/svg+xml;utf8,${encodeURIComponent(
  addContainerSvg
)}`;
