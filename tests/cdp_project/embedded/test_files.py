"""Files with secrets, kept ports, and refusals of the file system."""

import errno
import socket
from pathlib import Path

import pytest

from cdp_project.embedded.errors import StartError, told_in_a_sentence
from cdp_project.embedded.files import private_secret, write_private
from cdp_project.embedded.ports import LOOPBACK, first_free, is_free, keep_port


def test_a_private_file_is_closed_to_others_and_leaves_no_draft(tmp_path: Path) -> None:
    write_private(tmp_path / "a", "one")
    write_private(tmp_path / "a", "two")
    assert (tmp_path / "a").read_text() == "two"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    first = private_secret(tmp_path / "password")
    assert len(first) >= 32
    assert private_secret(tmp_path / "password") == first
    assert private_secret(tmp_path / "other") != first


def test_a_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    port = keep_port(tmp_path / "port")
    assert keep_port(tmp_path / "port") == port


def test_a_taken_port_is_given_up(tmp_path: Path) -> None:
    port = keep_port(tmp_path / "port")
    with socket.create_server((LOOPBACK, port)):
        assert not is_free(port)
        assert first_free(port) != port
        moved = keep_port(tmp_path / "port")
    assert moved != port
    assert keep_port(tmp_path / "port") == moved


def test_a_full_disk_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"The disk that holds {tmp_path} is full"), told_in_a_sentence(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_closed_folder_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="/there cannot be used: Permission denied"), told_in_a_sentence(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied", "/there")
