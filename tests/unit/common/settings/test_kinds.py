import pytest

from common.settings import kinds


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("1048576", 2**20),
        ("16MiB", 2**24),
        ("16M", 2**24),
        ("16mib", 2**24),
        ("16 MiB", 2**24),
        ("16MB", 16_000_000),
        ("1.5GiB", 3 * 2**29),
        ("2KB", 2000),
        ("7B", 7),
    ],
)
def test_a_size_is_read_with_its_unit(text, size_bytes):
    assert kinds.size(1, 2**40).read(text) == size_bytes


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1e6", "16 X", "1.2.3", "0", "2TiB", "९"])
def test_a_size_that_is_none_or_out_of_range_is_refused(text):
    with pytest.raises(ValueError):
        kinds.size(1, 2**40).read(text)


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(2**24, "16MiB"), (2**30, "1GiB"), (1_048_588, "1048588"), (1024, "1KiB")]
)
def test_a_size_is_shown_in_the_largest_unit_that_keeps_it_whole(size_bytes, text):
    assert kinds.show_size(size_bytes) == text
    assert kinds.size(1, 2**40).read(text) == size_bytes


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(ValueError):
        kinds.file().read(str(tmp_path))
