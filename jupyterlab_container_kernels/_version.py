"""The version, which stands once: in ``package.json``, from where the wheel's metadata takes it."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("jupyterlab-container-kernels")
except PackageNotFoundError:  # run from a checkout that was not installed
    __version__ = "0+unknown"
