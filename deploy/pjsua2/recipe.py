"""How pjproject becomes a wheel. A change of this file means a new wheel, so it holds nothing else."""

import os
import shutil
import sys
from pathlib import Path

from deploy.steps import StepError, Steps

CONFIG_SITE = Path(__file__).with_name("config_site.h")

# Sound cards, video, echo cancelling and the codecs that no trunk asks for stay out. Resampling comes from
# libsamplerate and SRTP from libsrtp2, because Debian's tree carries no copies of its own.
_CONFIGURE = (
    "--enable-epoll",
    "--enable-libsamplerate",
    "--with-external-srtp",
    "--disable-sound",
    "--disable-video",
    "--disable-upnp",
    "--disable-speex-aec",
    "--disable-libwebrtc",
    "--disable-libyuv",
    "--disable-sdl",
    "--disable-ffmpeg",
    "--disable-v4l2",
    "--disable-openh264",
    "--disable-vpx",
    "--disable-l16-codec",
    "--disable-gsm-codec",
    "--disable-g7221-codec",
    "--disable-speex-codec",
    "--disable-ilbc-codec",
    "--disable-opencore-amr",
    "--disable-silk",
    "--disable-bcg729",
    "--disable-lyra",
)


def compile_wheel(tarball: Path, work: Path, steps: Steps) -> Path:
    """Build the wheel for the interpreter that runs this.

    Args:
        tarball: pjproject, as Debian or as its authors pack it.
        work: An empty folder; the wheel is left in it.
        steps: Runs the commands and shows progress.

    Raises:
        StepError: A command failed, or the tarball holds something else.
    """
    tree = work / "tree"
    tree.mkdir()
    steps.say(f"unpacking {tarball.name}")
    steps.run(["tar", "--extract", "--strip-components=1", "--file", tarball, "--directory", tree])
    _prepare_tree(tree)
    # The build folder's name stays out of the result, and dates come from the source: same input, same wheel.
    flags = f"-fPIC -DNDEBUG -ffile-prefix-map={tree}=."
    # MAKEFLAGS: what an outer make was told is not meant for pjproject's makefiles.
    env = {"SOURCE_DATE_EPOCH": str(int((tree / "version.mak").stat().st_mtime)), "MAKEFLAGS": ""}
    jobs = f"-j{os.cpu_count() or 1}"

    steps.say("configuring")
    configure_env = {**env, "CFLAGS": f"-O2 {flags}", "CXXFLAGS": f"-O2 {flags}"}
    steps.run(["./aconfigure", *_CONFIGURE], cwd=tree, env=configure_env)
    steps.say("finding dependencies between the sources")
    steps.run(["make", "dep"], cwd=tree, env=env)
    steps.say(f"compiling the libraries ({jobs})")
    steps.run(["make", jobs, "lib"], cwd=tree, env=env)

    binding = tree / "pjsip-apps/src/swig/python"
    steps.say("generating the Python binding")
    steps.run(["make", "pjsua2_wrap.cpp"], cwd=binding, env=env)
    steps.say("compiling the Python binding (one large file, the longest step)")
    steps.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", work / "wheel", "."],
        cwd=binding,
        env={**env, "CFLAGS": f"-O1 -g0 {flags}"},
    )
    return next((work / "wheel").glob("*.whl"))


def _prepare_tree(tree: Path) -> None:
    """Write our limits into the source, and drop what its makefile names but a trimmed tree lacks."""
    if not (tree / "aconfigure").is_file():
        raise StepError("the tarball does not hold pjproject: no aconfigure in its first folder")
    shutil.copyfile(CONFIG_SITE, tree / "pjlib/include/pj/config_site.h")
    if not (tree / "pjmedia/src/pjmedia-audiodev/bdimad_dev.c").exists():
        makefile = tree / "pjmedia/build/Makefile"
        makefile.write_text(makefile.read_text().replace(" bdimad_dev.o", ""))
