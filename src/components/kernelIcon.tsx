import React, { useState } from 'react';

/** The icon of a kernel, or the first letter of its name. */
export interface IKernelIconProps {
  name: string;
  /** Where the picture is, if there is one. */
  url: string | null;
}

/** Draws the icon of a kernel as the Launcher does. */
export function KernelIcon(props: IKernelIconProps): JSX.Element {
  const { name, url } = props;
  const [broken, setBroken] = useState<string | null>(null);
  if (url === null || url === broken) {
    return (
      <span className="jp-ContainerKernels-letter" aria-hidden="true">
        {[...name.trim()][0]?.toUpperCase() ?? ''}
      </span>
    );
  }
  return (
    <img
      className="jp-ContainerKernels-picture"
      src={url}
      alt=""
      onError={() => setBroken(url)}
    />
  );
}
