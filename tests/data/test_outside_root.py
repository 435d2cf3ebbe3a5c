from pathlib import Path

import pytest

from tests.data.make import make_spec, write_clinic
from triage.data.dataset import load_dataset
from triage.data.manifest import Case, cases_of_rows, rows_of_spec
from triage.data.outside_root import OUTSIDE, RootBoundary, files_outside
from triage.errors import SpecError
from triage.intake.case_table import read_unlabelled
from triage.regular_file import OutsideRootError, open_regular


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a file, and links that stay in it and that leave it."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.png").write_bytes(b"x")
    (root / "a.png").write_bytes(b"x")
    (root / "within.png").symlink_to("a.png")
    (root / "out.png").symlink_to(tmp_path / "other" / "x.png")
    (root / "outfolder").symlink_to(tmp_path / "other")
    (root / "sub" / "back.png").symlink_to("../a.png")
    (root / "sub" / "chain.png").symlink_to("../out.png")
    return root


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("a.png", True),
        ("none.png", True),
        ("within.png", True),
        ("sub/back.png", True),
        ("sub/../a.png", True),
        ("sub/..", True),
        (".", True),
        ("out.png", False),
        ("outfolder", False),
        ("outfolder/x.png", False),
        ("outfolder/none.png", False),
        ("sub/chain.png", False),
        ("..", False),
        ("../other/x.png", False),
        ("/etc/hostname", False),
    ],
)
def test_what_is_held(root: Path, name: str, inside: bool) -> None:
    boundary = RootBoundary(root)
    assert boundary.holds(root / name) is inside
    assert boundary.holds(root / name) is inside  # as remembered


def test_a_root_that_is_a_link_itself(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert RootBoundary(tmp_path / "alias").holds(tmp_path / "alias" / "a.png")
    assert RootBoundary(root).holds(tmp_path / "alias" / "a.png")


def test_a_folder_with_a_link_that_leaves(root: Path) -> None:
    boundary = RootBoundary(root)
    (root / "volume").mkdir()
    (root / "volume" / "1.png").symlink_to("../a.png")
    assert not boundary.is_left_by(root / "volume")
    (root / "volume" / "2.png").symlink_to(root / "out.png")
    assert boundary.is_left_by(root / "volume")


def test_cases_whose_files_lead_out_are_named(root: Path) -> None:
    cases = [
        Case("1", "p", "c", (root / "a.png", root / "out.png"), None, root=root),
        Case("2", "p", "c", (root / "a.png",), None, annotation=root / "out.png", root=root),
        Case("3", "p", "c", (root / "within.png",), None, root=root),
        Case("4", "p", "c", (root / "out.png",), None),  # no folder that it may not leave
    ]
    assert files_outside(cases) == [f"case {n}: out.png: {OUTSIDE}" for n in "12"]


def test_training_lists_them(tmp_path: Path) -> None:
    root = write_clinic(tmp_path / "root")
    (root / "acne0.png").rename(tmp_path / "acne0.png")
    (root / "acne0.png").symlink_to(tmp_path / "acne0.png")
    with pytest.raises(SpecError) as caught:
        load_dataset(make_spec(), root)
    assert caught.value.problems == (f"case c-acne-0: acne0.png: {OUTSIDE}",)


def test_cases_know_their_root(tmp_path: Path) -> None:
    root = write_clinic(tmp_path / "root")
    labelled = cases_of_rows(rows_of_spec(make_spec(), root), make_spec(), root)
    assert {case.root for case in labelled} == {root}
    manifest = tmp_path / "new.csv"
    manifest.write_text("image\nacne0.png\n")
    (case,) = read_unlabelled(manifest, root, make_spec())
    assert case.root == root


def test_the_warning_of_a_table_and_the_reader_have_one_rule(root: Path) -> None:
    names = {
        "a.png": False,
        "sub/../a.png": False,
        "../root/a.png": False,
        "sub/../../root/sub/../a.png": False,
        str(root / "a.png"): False,
        "within.png": False,
        "../other/x.png": True,
        "out.png": True,
        "outfolder/x.png": True,
        str(root.parent / "other" / "x.png"): True,
    }
    for name, leaves in names.items():
        (root / "new.csv").write_text(f"image\n{name}\n")
        warnings: list[str] = []
        (case,) = read_unlabelled(root / "new.csv", root, make_spec(), warnings)
        refused = "image: row 2 is not a path below the root: the case is refused"
        assert warnings == [refused] * leaves, name
        try:
            with open_regular(case.images[0], root=root):
                assert not leaves, name
        except OutsideRootError:
            assert leaves, name


def test_a_name_that_the_system_cannot_have_leads_nowhere(root: Path) -> None:
    boundary = RootBoundary(root)
    assert boundary.holds(root / ("x" * 5000))
    assert boundary.holds(root / "\ud800.png")
