"""What a site can set: a trait each, with its meaning, its default and its check."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir
from traitlets import Bool, Dict, Enum, Float, HasTraits, Integer, List, TraitError, Unicode, validate

from .settings import PolicyFile, Settings


class Traits(HasTraits):
    """The traits of :class:`~.app.ContainerKernelsApp`."""

    runtime_path = Unicode(
        "",
        config=True,
        help="Absolute path of apptainer or singularity. Empty: the first that is on PATH, comes with a module, "
        "is found by a shell with /etc/profile or by the user's login shell, or lies in a usual folder.",
    )
    runtime_module = Unicode(
        "",
        config=True,
        help="Module to load for apptainer or singularity, with or without a version, before PATH is looked at. "
        "Empty: one that has the name of the program, if nothing is on PATH.",
    )
    images_dir = Unicode(
        "",
        config=True,
        help="Folder for pulled images, large. '~' and environment variables are filled in. "
        "Empty: container-kernels/images in Jupyter's data directory.",
    )
    packages_dir = Unicode(
        "",
        config=True,
        help="Folder for what is installed beside images, some 100 MB for each version of Python. '~' and "
        "environment variables are filled in. Empty: container-kernels/packages in Jupyter's data directory.",
    )
    temporary_dir = Unicode(
        "",
        config=True,
        help="Folder for what is needed only while an image comes: its layers, or five times as much where the runtime "
        "pulls it itself. A fast local disk is best. Empty: layers lie beside images; else $APPTAINER_TMPDIR, $TMPDIR, "
        "/tmp or the data directory, the first with enough room.",
    )
    acquire = Enum(
        ["auto", "runtime"],
        "auto",
        config=True,
        help="How images of registries become files: in one stream that unpacks nothing to disk, and by the runtime "
        "what that does not understand ('auto'), or always by the runtime ('runtime').",
    )
    keep_layers = Bool(
        False,
        config=True,
        help="Keep the layers of images, as an OCI layout in the folder layers of images_dir, for the next image that "
        "shares some of them: less to download, and as much room again as images take. Users free it where they see "
        "what takes room.",
    )
    squashfs_compression = Enum(
        ["auto", "gzip", "zstd"],
        "auto",
        config=True,
        help="How image files are compressed: with zstd where a small image of it starts on this node ('auto'). "
        "'gzip' starts on all nodes of a site that has old ones, too.",
    )
    site_images = List(
        Unicode(),
        config=True,
        help="Folders of images that are looked at before anything is pulled, and never written to: images_dir of "
        "another account, .sif files, each with a .json file of its name that holds its digest in the registry as "
        '"digest", or images that lie unpacked in folders with their digests as names, as in '
        "/cvmfs/unpacked.cern.ch. '~' and environment variables are filled in.",
    )
    wheelhouse = Unicode(
        "",
        config=True,
        help="Folder of wheels from which kernel packages are installed, for nodes without access to a package index: "
        "what `pip download ipykernel pip` brings, for each version of Python. What it lacks comes from the index. "
        "'~' and environment variables are filled in. Empty: the index that pip is configured for.",
    )
    insecure_registries = List(
        Unicode(),
        config=True,
        help="Registries (host or host:port) that may be asked by plain HTTP. Those on this machine always may.",
    )
    registry_timeout_s = Float(15.0, config=True, help="Seconds that a registry has for each of its answers.")
    pull_from = Enum(
        ["auto", "here", "job", "login"],
        "auto",
        config=True,
        help="From where images of registries are pulled: from the node of the session ('here'), by a Slurm job "
        "('job'), or by a line that the user runs on a login node ('login'). 'auto': from here, and where that cannot "
        "reach the registry, in the way that the user chooses.",
    )
    pull_job_options = List(
        Unicode(),
        config=True,
        help="Options of sbatch for jobs that pull an image, as '--partition=transfer', '--account=lab', '--time=60', "
        "'--mem=2G', '--cpus-per-task=4'. What is not named is as Slurm has it.",
    )
    start_timeout_s = Float(120.0, config=True, help="Seconds a new kernel has to answer before it is given up.")
    pull_timeout_s = Float(6 * 3600.0, config=True, help="Seconds after which a pull is given up.")
    install_timeout_s = Float(1800.0, config=True, help="Seconds after which installing packages is given up.")
    max_running_tasks = Integer(
        3,
        min=1,
        config=True,
        help="How many tasks one Jupyter server works on at a time (kernels added, mended, changed or checked). "
        "The others wait in the order in which they came.",
    )
    trash_days = Float(
        7.0,
        config=True,
        help="Days for which deleted kernels stay in the trash, from which they can be put back. 0: none; what is "
        "deleted is gone at once.",
    )

    policy_file = Unicode(
        "",
        config=True,
        help="The site's policy file. Empty: container-kernels.toml in /etc/jupyter, /usr/local/etc/jupyter or "
        "etc/jupyter of the environment in which Jupyter is installed, the first that is there.",
    )
    allowed_registries = List(
        Unicode(),
        default_value=None,
        allow_none=True,
        config=True,
        help="Registries, or beginnings of the names of images in them, from which images may be added, as "
        "'docker.io/pytorch' and '*.example.org'; '*' stands for anything between two '/'. A library is written "
        "'library://USER'. None: all.",
    )
    denied_registries = List(
        Unicode(),
        config=True,
        help="Registries, or beginnings of the names of images in them, from which none may be added.",
    )
    digest_required = Bool(
        False, config=True, help="Whether images of registries have to be named by their digest, not by a tag."
    )
    allowed_paths = List(
        Unicode(),
        default_value=None,
        allow_none=True,
        config=True,
        help="Folders below which image files have to lie to be added; '*' stands for anything between two '/', '~' "
        "and environment variables are filled in. None: anywhere.",
    )
    denied_paths = List(
        Unicode(),
        config=True,
        help="Folders of whose image files none may be added, under whatever name they are reached.",
    )
    catalogue = List(
        Dict(),
        config=True,
        help="Images that users are offered first, and may always add: 'title' and 'image', and if you like "
        "'description', 'gpu' ('auto', 'on' or 'off'), 'language' and 'icon' (an .svg or .png file of 32 kB at most).",
    )
    support_text = Unicode("", config=True, help="Whom users are told to ask, as a sentence.")
    support_link = Unicode("", config=True, help="Where they find help: an address of a page, or a mailto: one.")
    default_binds = List(
        Unicode(),
        config=True,
        help="Folders that every new kernel sees at their own paths, where they are there. '~' and environment "
        "variables are filled in. Users can take them out with Edit.",
    )
    default_environment = Dict(
        config=True,
        help="Variables of every new kernel, unless its user sets them otherwise. Environment variables in their "
        "values are filled in.",
    )
    scratch_dirs = List(
        Unicode(),
        config=True,
        help="Folders with much room that are named to users whose images do not fit, before those in $SCRATCH, "
        "$PSCRATCH, $WORK and $PROJECT.",
    )
    shared_kernel_dirs = List(
        Unicode(),
        config=True,
        help="Folders from which others share kernels, as *Share…* has made them, looked at after all others of "
        "Jupyter's. '~' and environment variables are filled in.",
    )

    @validate("registry_timeout_s", "start_timeout_s", "pull_timeout_s", "install_timeout_s")
    def _is_positive(self, proposal: dict[str, Any]) -> float:
        value: float = proposal["value"]
        if value <= 0:
            raise TraitError(f"{proposal['trait'].name} has to be more than 0 seconds")
        return value

    @validate("trash_days")
    def _is_not_negative(self, proposal: dict[str, Any]) -> float:
        value: float = proposal["value"]
        if value < 0:
            raise TraitError("trash_days has to be 0 or more days")
        return value

    @validate("runtime_path", "images_dir", "packages_dir", "temporary_dir", "wheelhouse")
    def _is_absolute(self, proposal: dict[str, Any]) -> str:
        value = expanded(proposal["value"])
        if value and not Path(value).is_absolute():
            raise TraitError(f"{proposal['trait'].name} has to be a full path, not {proposal['value']!r}")
        return value

    @validate(
        "allowed_registries",
        "denied_registries",
        "allowed_paths",
        "denied_paths",
        "catalogue",
        "support_text",
        "support_link",
        "default_binds",
        "default_environment",
        "scratch_dirs",
        "site_images",
        "shared_kernel_dirs",
        "pull_job_options",
    )
    def _is_policy(self, proposal: dict[str, Any]) -> Any:
        """Check what the policy file can set, too, as it is checked there."""
        from .services.policy_file import checked

        name, value = proposal["trait"].name, proposal["value"]
        if not value:
            return value
        try:
            return checked(name, value)
        except ValueError as error:
            raise TraitError(f"{name} {error}") from error

    def as_settings(self, policy: PolicyFile) -> Settings:
        """Return the traits as plain values.

        Parameters
        ----------
        policy : PolicyFile
            What became of the site's policy file; its values are among the traits by now.
        """
        state = Path(jupyter_data_dir()) / "container-kernels"
        return Settings(
            runtime_path=self.runtime_path,
            runtime_module=self.runtime_module,
            images_dir=Path(self.images_dir) if self.images_dir else state / "images",
            packages_dir=Path(self.packages_dir) if self.packages_dir else state / "packages",
            temporary_dir=Path(self.temporary_dir) if self.temporary_dir else None,
            insecure_registries=tuple(self.insecure_registries),
            registry_timeout_s=self.registry_timeout_s,
            start_timeout_s=self.start_timeout_s,
            pull_timeout_s=self.pull_timeout_s,
            install_timeout_s=self.install_timeout_s,
            wheelhouse=Path(self.wheelhouse) if self.wheelhouse else None,
            trash_days=self.trash_days,
            acquire=self.acquire,
            pull_from=self.pull_from,  # type: ignore[arg-type]  # one of these, says the trait
            pull_job_options=tuple(self.pull_job_options),
            squashfs_compression=self.squashfs_compression,
            keep_layers=self.keep_layers,
            max_running_tasks=self.max_running_tasks,
            site_images=tuple(map(Path, self.site_images)),
            allowed_registries=self.allowed_registries,
            denied_registries=self.denied_registries,
            allowed_paths=self.allowed_paths,
            denied_paths=self.denied_paths,
            digest_required=self.digest_required,
            default_binds=self.default_binds,
            default_environment=self.default_environment,
            scratch_dirs=self.scratch_dirs,
            catalogue=self.catalogue,
            support_text=self.support_text,
            support_link=self.support_link,
            policy=policy,
        )


def expanded(value: str) -> str:
    """Return a path with ``~`` and environment variables filled in."""
    return os.path.expandvars(os.path.expanduser(value))  # noqa: PTH111 (empty has to stay empty)
