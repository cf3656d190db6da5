"""What HTCondor says of the GPUs that a job was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from condor.glidein.machine_ad import Gpu, assigned, zone
from tests.condor.glidein.listings import MACHINE_AD, OLD_POOL_AD, TWO_SLICES_AD


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MACHINE_AD, [Gpu("GPU-a0223334", "A100-SXM4-40GB", 47661)]),
        (
            TWO_SLICES_AD,
            [
                Gpu("MIG-06223301-4445-5667-899a-abbccddeeff0", "MIG 5 GB", 4861),
                Gpu("MIG-GPU-f5223334-4445/1/0", "MIG 20 GB", 20082),
            ],
        ),
        (OLD_POOL_AD, [Gpu("CUDA1", "Tesla V100-PCIE-32GB", 32510)]),
        ('Machine = "n1"\n', []),
        (
            'AssignedGPUs = "GPU-1"\nGPUs_GPU_1 = [ Nonsense; GlobalMemoryMb = . ]\n',
            [Gpu("GPU-1", "GPU 0 GB", 0)],
        ),
    ],
)
def test_the_gpus_in_the_ad_of_the_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: list[Gpu]
) -> None:
    (tmp_path / "ad").write_text(text)
    monkeypatch.setenv("_CONDOR_MACHINE_AD", str(tmp_path / "ad"))
    assert assigned() == found


def test_there_may_be_no_ad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_CONDOR_MACHINE_AD", str(tmp_path / "gone"))
    assert assigned() == []
    monkeypatch.delenv("_CONDOR_MACHINE_AD")
    assert assigned() == []


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ('GLIDEIN_ResourceName = "East-CE1"\nGLIDEIN_Site = "East"\n', "East"),
        ('GLIDEIN_ResourceName = "East-CE1"\nGLIDEIN_Site = undefined\n', "East-CE1"),
        ('Glidein_SITE = "East"\n', "East"),
        ('GLIDEIN_Site = ""\nGLIDEIN_ResourceName = strcat("a", "b")\n', ""),
        (MACHINE_AD, ""),
    ],
)
def test_the_site_in_the_ad_of_the_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, site: str
) -> None:
    (tmp_path / "ad").write_text(text)
    monkeypatch.setenv("_CONDOR_MACHINE_AD", str(tmp_path / "ad"))
    assert zone() == site
