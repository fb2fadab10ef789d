"""A network of its own with a camera in it, joined to this computer by a cable that is not there. As root on Linux."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def possible() -> bool:
    """Tell whether this process may make networks here."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0


@contextmanager
def far_camera(ip: Path, *options: str) -> Iterator[tuple[str, str]]:
    """Run the camera in a network namespace; give this computer's address in that network, and the camera's."""
    number = os.getpid()
    name, near, far = f"al-{number}", f"aln{number}", f"alf{number}"
    # Four addresses for each of the processes tests run in.
    net = ipaddress.ip_address("10.211.0.0") + number % 16_384 * 4
    here, there = str(net + 1), str(net + 2)
    orders = (
        f"netns add {name}",
        f"link add {near} type veth peer name {far} netns {name}",
        f"addr add {here}/30 dev {near}",
        f"link set {near} up",
        f"-n {name} addr add {there}/30 dev {far}",
        f"-n {name} link set {far} up",
        f"-n {name} link set lo up",
    )
    try:
        for order in orders:
            subprocess.run([ip, *order.split()], check=True, capture_output=True)
        command = [str(ip), "netns", "exec", name, sys.executable, "-m", "tests.peers.onvif_camera", there, *options]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
        camera = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with camera:
            assert camera.stdout is not None
            assert camera.stdout.readline().startswith("http://"), "the camera did not start"
            yield here, there
            camera.communicate("\n", timeout=20)
    finally:
        subprocess.run([ip, "netns", "delete", name], capture_output=True)
        subprocess.run([ip, "link", "delete", near], capture_output=True)
