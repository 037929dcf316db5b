"""What users get: the wheel, away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from provisioner.providers import PROVIDERS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel unpacked; what it depends on is the test environment's."""
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def run(installed, tmp_path, *arguments):
    environment = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "PROVISIONER_STATE_DIR": str(tmp_path / "state"),
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_the_wheel_that_is_tested(installed, tmp_path):
    done = run(installed, tmp_path, "-c", "import provisioner; print(provisioner.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(installed)


@pytest.mark.parametrize(("provider", "created"), [("entra", 8), ("okta", 11)])
def test_the_main_job_works_from_the_wheel(installed, tmp_path, provider, created):
    apply = ("-m", "provisioner", "apply", f"playbooks/{provider}.yaml", "--sandbox")
    first = run(installed, tmp_path, *apply)
    assert first.returncode == 0, first.stderr
    assert f"Done: {created} created" in first.stdout
    again = run(installed, tmp_path, *apply)
    assert again.stdout.startswith("Nothing to do")
    written = run(installed, tmp_path, "-m", "provisioner", "init", "mine.yaml", "--provider", provider)
    assert written.returncode == 0, written.stderr
    assert run(installed, tmp_path, "-m", "provisioner", "validate", "--sandbox", "mine.yaml").returncode == 0


def test_its_name_is_the_one_that_is_free_on_the_public_index(wheel):
    assert wheel.name.startswith("kiro_provisioner-")
    metadata = (
        zipfile.ZipFile(wheel).read(f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/METADATA").decode()
    )
    assert "\nName: kiro-provisioner\n" in metadata


def test_it_holds_what_it_needs_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for provider in PROVIDERS:
        assert f"provisioner/_shipped/playbooks/{provider}.yaml" in names
        assert f"provisioner/_shipped/templates/playbook-{provider}.yaml.j2" in names
    assert "provisioner/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]
