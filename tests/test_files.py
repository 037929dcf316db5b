"""Local files: what is read, what is written, and what is neither."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.cli import main
from provisioner.cli.files import find_playbooks
from provisioner.core.errors import ExitCode, ProvisionerError, UsageError
from provisioner.file_reading import is_input, read_bytes, read_text, remembered_inputs
from provisioner.file_writing import write_text
from tests.e2e.product import PLAYBOOKS


def odd_file(folder: Path, kind: str) -> Path:
    """A file that ends never, or blocks, or a link to one."""
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    link = folder / "link.yaml"
    link.symlink_to({"link to a device": "/dev/zero", "link to a fifo": fifo}.get(kind, "nothing"))
    return {"device": Path("/dev/zero"), "terminal": Path("/dev/tty"), "fifo": fifo}.get(kind, link)


ODD = ["device", "fifo", "link to a device", "link to a fifo"]


class TestReading:
    @pytest.mark.parametrize("kind", ODD)
    def test_what_is_no_regular_file_is_refused_at_once(self, tmp_path, kind):
        with pytest.raises(UsageError, match="not a regular file"):
            read_bytes(odd_file(tmp_path, kind), 10)

    def test_a_folder_and_a_name_that_no_system_has(self, tmp_path):
        for file, reason in ((tmp_path, "Is a directory"), (Path("a\0b"), "not a valid file name")):
            with pytest.raises(UsageError, match=reason):
                read_bytes(file, 10)

    def test_a_file_is_read_up_to_its_limit(self, tmp_path):
        file = tmp_path / "file"
        file.write_bytes(b"x" * 10)
        assert read_bytes(file, 10) == b"x" * 10
        with pytest.raises(UsageError, match="more than 9 bytes"):
            read_bytes(file, 9)

    def test_a_sparse_file_of_a_terabyte_takes_no_memory(self, tmp_path):
        file = tmp_path / "file"
        with file.open("wb") as stream:
            os.truncate(stream.fileno(), 1 << 40)
        with pytest.raises(UsageError, match="more than"):
            read_text(file, 1000)

    def test_a_link_to_a_regular_file_is_read(self, tmp_path):
        (tmp_path / "file").write_text("ü", encoding="utf-8")
        (tmp_path / "link").symlink_to("file")
        assert read_text(tmp_path / "link", 10) == "ü"


COMMANDS = {
    "a playbook": ["validate", "ODD"],
    "a plan": ["apply", "PLAYBOOK", "--sandbox", "--plan", "ODD"],
    "a report": ["report", "merge", "ODD"],
    "a snapshot": ["doctor", "PLAYBOOK", "--sandbox", "--from-snapshot", "ODD"],
    "a side of a comparison": ["diff", "PLAYBOOK", "ODD.json", "--sandbox"],
    "a value of a playbook": ["validate", "REFERRING"],
    "a folder": ["drift", "FOLDER", "--sandbox"],
    "a pipeline's playbook": ["ci", "init", "github", "ODD.json"],
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_command_waits_for_a_file_or_reads_without_end(tmp_path, command, kind):
    """In a process of its own, whose memory is limited, and which would otherwise wait for ever."""
    (tmp_path / "odd").mkdir()
    odd = odd_file(tmp_path / "odd", kind)
    (tmp_path / "odd.json").symlink_to(odd)
    referring = tmp_path / "referring.yaml"
    text = (PLAYBOOKS / "okta.yaml").read_text(encoding="utf-8")
    referring.write_text(text.replace("${OKTA_PRIVATE_KEY:-}", f"${{file:{odd}}}"), encoding="utf-8")
    assert "${file:" in referring.read_text(encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.yaml").symlink_to(odd)
    names = {
        "ODD": odd,
        "ODD.json": tmp_path / "odd.json",
        "PLAYBOOK": PLAYBOOKS / "entra.yaml",
        "REFERRING": referring,
        "FOLDER": tmp_path / "folder",
    }
    done = subprocess.run(
        [sys.executable, "-m", "provisioner", *(str(names.get(word, word)) for word in command)],
        env={**os.environ, "OKTA_ORG_URL": "https://a.okta.com"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=lambda: _limit_memory(3 << 30),
    )
    assert done.returncode == ExitCode.USAGE, done.stderr
    assert "not a regular file" in done.stderr
    assert "bug" not in done.stderr


def _limit_memory(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (size, size))


class TestFolders:
    @pytest.fixture
    def deep(self, tmp_path, monkeypatch):
        """A playbook in more folders than functions can be nested."""
        monkeypatch.chdir(tmp_path)
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
        Path("a.yaml").write_text("provider: entra\n")
        os.chdir(tmp_path)
        yield Path("d", *["d"] * 1499, "a.yaml")
        os.chdir(tmp_path)
        subprocess.run(["rm", "-rf", "d"], check=True)

    @pytest.mark.parametrize("given", [".", "**/*.yaml", "d/**/a.yaml", "**/d/a.yaml"])
    def test_deep_folders_are_searched(self, deep, given):
        assert find_playbooks([Path(given)]) == (deep,)

    def test_links_that_lead_back_do_not_multiply(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("tenants").mkdir()
        for name in "abc":
            Path("tenants", name).symlink_to(".")
        Path("tenants", "a.yaml").write_text("provider: entra\n")
        for given in ("tenants", "**/a.yaml", "tenants/**/*"):
            assert find_playbooks([Path(given)]) == (Path("tenants/a.yaml"),)

    def test_a_pattern_follows_links_where_it_names_them(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("real").mkdir()
        Path("real", "a.yaml").write_text("provider: entra\n")
        Path("tenants").mkdir()
        Path("tenants", "b").symlink_to("../real")
        assert find_playbooks([Path("tenants/*/a.yaml")]) == (Path("tenants/b/a.yaml"),)

    def test_names_with_signs_of_patterns(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("[x]").mkdir()
        Path("[x]", "a.yaml").write_text("provider: entra\n")
        assert find_playbooks([Path("**/a.yaml")]) == (Path("[x]/a.yaml"),)

    def test_a_large_file_that_is_no_playbook_is_not_read_to_its_end(self, tmp_path):
        (tmp_path / "a.yaml").write_text("provider: entra\n")
        with (tmp_path / "large.yaml").open("wb") as stream:
            os.truncate(stream.fileno(), 1 << 40)
        assert find_playbooks([tmp_path]) == (tmp_path / "a.yaml",)


class TestWriting:
    def test_text_and_folder_are_written(self, tmp_path):
        write_text(tmp_path / "new" / "deep" / "file", "ü\n")
        assert (tmp_path / "new" / "deep" / "file").read_bytes() == "ü\n".encode()

    def test_private_files_and_their_new_folders_are_the_owner_s(self, tmp_path):
        write_text(tmp_path / "new" / "deep" / "file", "", private=True)
        paths = [tmp_path / "new", tmp_path / "new" / "deep", tmp_path / "new" / "deep" / "file"]
        assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o700, 0o700, 0o600]

    def test_an_existing_file_keeps_its_mode_and_a_new_one_has_the_mask_s(self, tmp_path):
        former = os.umask(0o027)
        try:
            write_text(tmp_path / "file", "1")
            assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
            (tmp_path / "file").chmod(0o604)
            write_text(tmp_path / "file", "2")
            assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o604
            write_text(tmp_path / "file", "3", private=True)
            assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
        finally:
            os.umask(former)

    @pytest.mark.parametrize(("code", "exit_code"), [(errno.ENOSPC, 1), (errno.EDQUOT, 1), (errno.EACCES, 2)])
    @pytest.mark.parametrize("step", ["write", "fsync", "replace"])
    def test_a_failure_keeps_the_old_file_and_leaves_nothing_beside_it(
        self, tmp_path, monkeypatch, step, code, exit_code
    ):
        file = tmp_path / "file"
        file.write_text("old")

        def fail(*_: object) -> None:
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            if step == "write":
                patch.setattr(os, "fdopen", lambda *_: _Failing(fail))
            else:
                patch.setattr(os, step, fail)
            with pytest.raises(ProvisionerError, match="cannot write") as raised:
                write_text(file, "new")
        assert raised.value.exit_code == exit_code
        assert file.read_text() == "old"
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    @pytest.mark.parametrize("target", ["../file", "../missing", "elsewhere/../../file", "/dev/null"])
    def test_a_link_out_of_the_folder_is_not_followed(self, tmp_path, target):
        folder = tmp_path / "folder"
        (folder / "elsewhere").mkdir(parents=True)
        (tmp_path / "file").write_text("old")
        (folder / "out").symlink_to(target)
        with pytest.raises(UsageError, match=r"a link to .* outside the folder"):
            write_text(folder / "out", "new")
        assert (folder / "out").is_symlink()
        assert (tmp_path / "file").read_text() == "old"
        assert not (tmp_path / "missing").exists()

    def test_a_link_inside_the_folder_is_kept_and_its_target_written(self, tmp_path):
        (tmp_path / "out").symlink_to("file")
        write_text(tmp_path / "out", "new")
        assert (tmp_path / "out").is_symlink()
        assert (tmp_path / "file").read_text() == "new"

    def test_links_in_a_circle_are_replaced(self, tmp_path):
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        write_text(tmp_path / "a", "new")
        assert (tmp_path / "a").read_text() == "new"

    def test_a_folder_that_is_a_link_out_of_the_given_one_is_not_followed(self, tmp_path):
        (tmp_path / "root").mkdir()
        (tmp_path / "home").mkdir()
        (tmp_path / "root" / ".github").symlink_to(tmp_path / "home")
        with pytest.raises(UsageError, match="outside the folder"):
            write_text(tmp_path / "root" / ".github" / "x" / "y.yml", "new", within=tmp_path / "root")
        assert [*(tmp_path / "home").iterdir()] == []

    @pytest.mark.parametrize("kind", ["folder", "fifo"])
    def test_what_is_no_regular_file_is_not_replaced(self, tmp_path, kind):
        file = tmp_path / "file"
        file.mkdir() if kind == "folder" else os.mkfifo(file)
        with pytest.raises(UsageError, match="not a regular file"):
            write_text(file, "new")
        assert file.exists()

    def test_an_input_is_not_replaced_by_any_name(self, tmp_path):
        file, other = tmp_path / "file", tmp_path / "other"
        file.write_text("old")
        os.link(file, tmp_path / "hard")
        (tmp_path / "soft").symlink_to("file")
        with remembered_inputs():
            read_text(tmp_path / "hard", 10)
            for name in ("file", "hard", "soft", "../" + tmp_path.name + "/file"):
                with pytest.raises(UsageError, match="is read by this command"):
                    write_text(tmp_path / name, "new")
            write_text(other, "new")
            assert not is_input(other)
        assert file.read_text() == "old"
        write_text(file, "a later command may")


class _Failing:
    """A stream that cannot be written."""

    def __init__(self, fail):
        self.write = fail

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


class TestOutputsOfCommands:
    """Every option that writes a file, given the command's own input."""

    @pytest.fixture
    def inputs(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("e.yaml").write_text((PLAYBOOKS / "entra.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        assert main(["drift", "e.yaml", "--sandbox", "--report", "json=r.json"]) == ExitCode.FINDINGS
        os.link("e.yaml", "hard.yaml")
        Path("soft.yaml").symlink_to("e.yaml")
        Path("out").mkdir()
        Path("out/e.yaml.json").symlink_to("../e.yaml")
        return tmp_path

    @pytest.mark.parametrize("name", ["e.yaml", "hard.yaml", "soft.yaml", "./e.yaml", "out/../e.yaml"])
    @pytest.mark.parametrize(
        "command",
        [
            ["plan", "e.yaml", "--sandbox", "--report", "html=NAME"],
            ["plan", "e.yaml", "--sandbox", "--out", "NAME"],
            ["drift", "e.yaml", "--sandbox", "--report", "sarif=NAME"],
            ["drift", ".", "--sandbox", "--shard", "1/1", "--report", "json=NAME"],
            ["doctor", "e.yaml", "--sandbox", "--save-snapshot", "NAME"],
        ],
        ids=" ".join,
    )
    def test_a_playbook_is_never_replaced(self, inputs, capsys, command, name):
        before = Path("e.yaml").read_bytes()
        code = main([word.replace("NAME", name) for word in command])
        assert Path("e.yaml").read_bytes() == before
        assert code in (ExitCode.ERROR, ExitCode.USAGE)
        output = capsys.readouterr()
        assert "is read by this command" in output.err + output.out

    @pytest.mark.parametrize("format_", ["json", "html"])
    def test_a_report_is_not_replaced_by_the_merged_one(self, inputs, capsys, format_):
        before = Path("r.json").read_bytes()
        assert main(["report", "merge", "r.json", "--report", f"{format_}=r.json"]) == ExitCode.USAGE
        assert "is read by this command" in capsys.readouterr().err
        assert Path("r.json").read_bytes() == before

    def test_a_shard_does_not_replace_the_playbook_of_another(self, inputs, capsys):
        for name in ("a.yaml", "b.yaml"):
            Path(name).write_text(Path("e.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        for name in ("a.yaml", "b.yaml"):
            before = Path(name).read_bytes()
            main(["drift", "a.yaml", "b.yaml", "--sandbox", "--shard", "1/2", "--report", f"json={name}"])
            assert Path(name).read_bytes() == before

    def test_a_snapshot_leaves_its_folder_by_no_link(self, inputs):
        Path("elsewhere").mkdir()
        Path("snapshots").mkdir()
        Path("snapshots/tenants").symlink_to("../elsewhere")
        Path("tenants").mkdir()
        for name in ("a.yaml", "b.yaml"):
            Path("tenants", name).write_text(Path("e.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        assert main(["drift", "tenants", "--sandbox", "--save-snapshot", "snapshots"]) == ExitCode.ERROR
        assert [*Path("elsewhere").iterdir()] == []

    def test_a_pipeline_leaves_its_repository_by_no_link(self, inputs, capsys, tmp_path_factory):
        Path("elsewhere").mkdir()
        Path(".github").symlink_to("elsewhere")
        assert main(["ci", "init", "github", "e.yaml"]) == 0  # inside the repository
        outside = tmp_path_factory.mktemp("outside") / "pipeline.yml"
        Path(".gitlab-ci.provisioner.yml").symlink_to(outside)
        assert main(["ci", "init", "gitlab", "e.yaml"]) == ExitCode.USAGE
        assert "outside the folder" in capsys.readouterr().err
        assert not outside.exists()

    def test_a_new_playbook_follows_no_link_even_when_forced(self, inputs, capsys):
        Path("out/new.yaml").symlink_to("../e.yaml")
        before = Path("e.yaml").read_bytes()
        for command in (["init"], ["export", "--provider", "entra", "--sandbox", "--output"]):
            main([*command, "out/new.yaml", "--force"])
            assert Path("e.yaml").read_bytes() == before

    def test_a_report_without_space_keeps_the_old_one(self, inputs):
        """The limit of a process is like a full disk: a part of the file can be written."""
        Path("report.html").write_text("old")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "provisioner",
                "report",
                "merge",
                "r.json",
                "--report",
                "html=report.html",
            ],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=_limit_file_size,
        )
        assert done.returncode == ExitCode.ERROR, done.stderr
        assert "cannot write report.html: File too large" in done.stderr
        assert "free some space" in done.stderr
        assert Path("report.html").read_text() == "old"
        assert not [path for path in Path().iterdir() if path.suffix == ".tmp"]


def _limit_file_size() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("command", [["schema"], ["--help"], ["plan", "PLAYBOOK", "--sandbox", "--quiet"]])
@pytest.mark.parametrize("errors_fit", [True, False])
def test_a_full_disk_below_standard_output_is_an_error(command, errors_fit, tmp_path):
    words = [str(PLAYBOOKS / "entra.yaml") if word == "PLAYBOOK" else word for word in command]
    with Path("/dev/full").open("w") as full, (tmp_path / "err").open("w") as errors:
        done = subprocess.run(
            [sys.executable, "-m", "provisioner", *words],
            stdout=full,
            stderr=errors if errors_fit else full,
            check=False,
        )
    assert done.returncode == ExitCode.ERROR
    if errors_fit:
        message = (tmp_path / "err").read_text()
        assert message.startswith("error: cannot write the output: No space left on device\n")
        assert "bug" not in message
        assert "Exception" not in message


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        '{"a":' * 10_000,
        "- " * 10_000,
        "a: " * 10,
        "{" * 100_000,
        "",
        "5",
        "null",
        '"x"',
        "[[]]",
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ["validate", "FILE.yaml"],
        ["plan", "FILE.yaml", "--sandbox"],
        ["drift", "FILE.yaml", "PLAYBOOK", "--sandbox", "--fail-on", "never"],
        ["ci", "init", "gitlab", "FILE.yaml"],
        ["apply", "PLAYBOOK", "--sandbox", "--plan", "FILE.json"],
        ["report", "merge", "FILE.json"],
        ["diff", "PLAYBOOK", "FILE.json", "--sandbox"],
        ["doctor", "PLAYBOOK", "--sandbox", "--from-snapshot", "FILE.json"],
    ],
    ids=lambda command: command[0],
)
def test_nested_and_misshaped_files_are_reported_as_what_they_are(
    tmp_path, monkeypatch, capsys, command, text
):
    monkeypatch.chdir(tmp_path)
    for name in ("FILE.yaml", "FILE.json"):
        Path(name).write_text(text)
    code = main([word.replace("PLAYBOOK", str(PLAYBOOKS / "entra.yaml")) for word in command])
    output = capsys.readouterr()
    assert code in (ExitCode.ERROR, ExitCode.USAGE)
    assert "FILE." in output.err + output.out
    assert "bug" not in output.err + output.out


@pytest.mark.parametrize("value", ["5", "{a: 1}", "[5, {name: 5}, null]", "{name: [[[]]]}", "text", "true"])
@pytest.mark.parametrize(
    "section", ["domains", "groups", "scim", "waivers", "connection", "unmanaged", "tags"]
)
def test_a_misshaped_section_of_one_playbook_is_no_bug_in_any(tmp_path, capsys, section, value):
    other = tmp_path / "other.yaml"
    keys = f"version: 1\nname: x\nprovider: entra\n{section}: {value}\n"
    other.write_text(keys)
    good = str(PLAYBOOKS / "entra.yaml")  # names a domain, so that those of the other one are read, too
    main(["drift", good, str(other), "--sandbox"])
    main(["ci", "init", "gitlab", str(other), "--dir", str(tmp_path)])
    output = capsys.readouterr()
    assert "bug" not in output.err + output.out


def test_crash_notes_are_the_owner_s(tmp_path, monkeypatch, capsys):
    def explode(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("provisioner.cli.files.find_playbooks", explode)
    monkeypatch.setattr("provisioner.cli.ci.find_playbooks", explode)
    former = os.umask(0)
    try:
        assert main(["ci", "init", "github"]) == ExitCode.ERROR
    finally:
        os.umask(former)
    (note,) = (tmp_path / "state" / "crashes").iterdir()
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert stat.S_IMODE(note.parent.stat().st_mode) == 0o700
    assert "this is a bug" in capsys.readouterr().err


def _paths(value, path=()):
    """Every place in a JSON document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, element in inner:
        yield from _paths(element, (*path, key))


def _with(value, path, other):
    if not path:
        return other
    copy = value.copy()
    copy[path[0]] = _with(value[path[0]], path[1:], other)
    return copy


OTHERS = (5, "x", None, [], {}, [[5]], {"kind": 5}, True, -1e308)


@pytest.mark.parametrize(
    ("write", "read"),
    [
        (["plan", "P", "--sandbox", "--out", "F.json"], ["apply", "P", "--sandbox", "--plan", "F.json"]),
        (["drift", "P", "--sandbox", "--report", "json=F.json"], ["report", "merge", "F.json"]),
        (["doctor", "P", "--sandbox", "--save-snapshot", "F.json"], ["diff", "F.json", "F.json"]),
    ],
    ids=["plan", "report", "snapshot"],
)
def test_any_value_of_another_kind_in_a_file_is_no_bug(tmp_path, monkeypatch, capsys, write, read):
    monkeypatch.chdir(tmp_path)
    Path("P").write_text((PLAYBOOKS / "entra.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    main(write)
    document = json.loads(Path("F.json").read_text())
    paths = list(_paths(document))
    chosen = paths[:: max(1, len(paths) // 25)]
    for number, path in enumerate(chosen):
        Path("F.json").write_text(json.dumps(_with(document, path, OTHERS[number % len(OTHERS)])))
        main(read)
        output = capsys.readouterr()
        assert "bug" not in output.err, (path, output.err)


def test_any_value_of_another_kind_among_the_hints_is_no_bug_and_can_be_deleted(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    playbook = Path("entra.yaml")
    playbook.write_text((PLAYBOOKS / "entra.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    command = ["drift", str(playbook), "--sandbox", "--fail-on", "never"]
    assert main(["apply", str(playbook), "--sandbox"]) in (ExitCode.DONE, ExitCode.WAITING)
    (hints,) = (tmp_path / "state").rglob("hints.json")
    document = json.loads(hints.read_text())
    assert {name.partition(":")[0].rpartition("/")[2] for name in document} >= {"application", "dns"}
    codes = set()
    for number, path in enumerate(_paths(document)):
        hints.write_text(json.dumps(_with(document, path, OTHERS[number % len(OTHERS)])))
        codes.add(main(command))
        output = capsys.readouterr()
        assert "bug" not in output.err, (path, output.err)
        assert "damaged" not in output.err or "delete" in output.err
    assert ExitCode.USAGE in codes
    hints.unlink()
    assert main(command) == ExitCode.DONE
