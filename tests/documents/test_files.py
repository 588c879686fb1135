"""Files in and out of YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.documents import parse, read, shown_name, write
from edgebuild.errors import SpecError


def answer(file: Path) -> str:
    with pytest.raises(SpecError) as caught:
        read(file)
    (problem,) = caught.value.problems
    assert problem.fix
    return problem.render()


def test_what_is_written_reads_back() -> None:
    value = {"a": ["no", "1.20", None, 3], "ü": {"b": 0.25}}
    assert parse(write(value), Path("x.yaml")).value == value


def test_a_byte_order_mark_is_not_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    document = read(tmp_path / "x.yaml")
    assert document.value == {"a": 1, "b": 2}
    assert document.place(("a",)).value.column == 4


def test_a_folder_names_the_files_in_it(tmp_path: Path) -> None:
    (tmp_path / "x.edge.yaml").touch()
    assert "Name the file in it: x.edge.yaml." in answer(tmp_path)


def test_a_file_that_is_not_there_names_one_that_is(tmp_path: Path) -> None:
    (tmp_path / "deployment.edge.yaml").touch()
    assert "did you mean `deployment.edge.yaml`?" in answer(tmp_path / "deploment.edge.yaml")


def test_a_model_is_no_spec(tmp_path: Path) -> None:
    with (tmp_path / "model.onnx").open("wb") as file:
        file.truncate(2_000_000)
    assert "has 2,000,000 bytes" in answer(tmp_path / "model.onnx")


def test_bytes_that_are_no_text_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    assert "x.yaml:2:7: the byte 0xe9 is no UTF-8." in answer(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_bytes("a: 1\n".encode("utf-16"))
    assert "the file is UTF-16" in answer(tmp_path / "x.yaml")


def test_a_file_below_the_current_folder_is_shown_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_name(tmp_path / "a" / "x.yaml") == "a/x.yaml"
    assert shown_name(tmp_path.parent / "x.yaml") == str(tmp_path.parent / "x.yaml")
