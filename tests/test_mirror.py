import pytest

from tests.mirror import describe_gap, find_broken_pairs, mirror_of, needs_tests


@pytest.mark.parametrize(
    ("module", "test_file"),
    [
        ("campaigns_async/models.py", "tests/test_models.py"),
        ("campaigns_async/_core/wire.py", "tests/core/test_wire.py"),
        ("campaigns_async/cli/__init__.py", "tests/cli/test_init.py"),
    ],
)
def test_a_test_file_stands_where_its_module_does(module: str, test_file: str) -> None:
    """A module's test file has its path, less the underscores at the ends of each name."""
    assert mirror_of(module) == test_file


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", False),
        ('"""Names."""\nfrom a import b\nimport c\n__all__ = ["b"]\n', False),
        ("from a import b\nb()\n", True),
        ("LIMIT = 100\n", True),
    ],
)
def test_a_module_that_only_names_others_needs_no_tests(source: str, *, expected: bool) -> None:
    """A docstring, imports and ``__all__`` need no test file; anything else does."""
    assert needs_tests(source) == expected


def test_a_whole_mirror_has_nothing_to_say() -> None:
    """Modules with their test files, and cross-cutting tests beside them, make no fault."""
    modules = ["campaigns_async/models.py", "campaigns_async/_core/wire.py"]
    tests = ["tests/core/test_wire.py", "tests/test_models.py", "tests/stack/test_key.py"]
    assert find_broken_pairs(modules, tests) == []


def test_a_broken_mirror_names_both_sides() -> None:
    """A module without its test file and a test file without its module are both named."""
    missing_test, missing_module = find_broken_pairs(
        ["campaigns_async/new.py"], ["tests/core/test_gone.py"]
    )
    assert missing_test == "campaigns_async/new.py has no test file: write tests/test_new.py."
    assert missing_module == (
        "tests/core/test_gone.py mirrors no module:"
        " move it, remove it, or name its folder in CROSS_CUTTING."
    )


def test_a_module_at_the_floor_is_covered() -> None:
    """Exactly as much as is asked will do."""
    assert describe_gap("campaigns_async/a.py", percent=85, missing="3", floor=85) is None


def test_a_gap_is_told_in_a_sentence() -> None:
    """A module below the floor is told with its test file, both figures and the missing lines."""
    gap = describe_gap("campaigns_async/a.py", percent=40, missing="3-9, 12->14", floor=85)
    assert gap == (
        "tests/test_a.py by itself reaches 40 % of campaigns_async/a.py, not 85 %:"
        " 3-9, 12->14 never run."
    )
