"""ci init: what is written, what is read for it, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from provisioner.cli import main
from tests.pipelines.pipeline_cases import PLAYBOOKS, PROVIDERS, SYSTEMS

FILES = {
    "github": [
        ".github/workflows/provisioner-apply.yml",
        ".github/workflows/provisioner-drift.yml",
        ".github/workflows/provisioner-plan.yml",
    ],
    "gitlab": [".gitlab-ci.provisioner.yml"],
    "azure": ["azure-pipelines.provisioner.yml"],
    "kubernetes": ["provisioner-drift.yaml"],
}

HOSTILE = [
    "$(touch owned).yaml",
    "`touch owned`.yaml",
    "${{ secrets.KEY }}.yaml",
    "'; touch owned; '.yaml",
    '"; touch owned; ".yaml',
    "two\nlines.yaml",
    "tab\there.yaml",
    "a&b.yaml",
    "a|b.yaml",
    "a>b.yaml",
    "a*.yaml",
    "a#b.yaml",
    "a: b.yaml",
    "back\\slash.yaml",
    "\N{RIGHT-TO-LEFT OVERRIDE}lmay.yaml",
]


def written(repository: Path) -> list[str]:
    files = (path for path in repository.rglob("*") if path.is_file() and "books" not in path.parent.name)
    return sorted(path.relative_to(repository).as_posix() for path in files)


def whole(repository: Path) -> str:
    return "\n".join((repository / name).read_text(encoding="utf-8") for name in written(repository))


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """An empty one, and where commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestWrittenFiles:
    @pytest.mark.parametrize("system", SYSTEMS)
    def test_the_files_of_the_system(self, init, system):
        assert written(init(system)) == FILES[system]

    @pytest.mark.parametrize("system", SYSTEMS)
    @pytest.mark.parametrize("providers", PROVIDERS, ids="-".join)
    def test_variables_and_sign_in_are_those_of_the_playbooks_providers(self, init, system, providers):
        text = whole(init(system, providers))
        assert ("ENTRA_TENANT_ID" in text) == ("entra" in providers)
        assert ("AZURE_TOKEN_CREDENTIALS" in text) == ("entra" in providers)
        assert ("OKTA_PRIVATE_KEY" in text) == ("okta" in providers)

    def test_what_the_model_keeps_secret_is_a_secret_of_the_pipeline(self, init):
        text = whole(init("github"))
        for name in ("KIRO_SCIM_TOKEN", "OKTA_PRIVATE_KEY", "OKTA_API_TOKEN"):
            assert f"secrets.{name} " in text
            assert f"vars.{name} " not in text
        for name in ("ENTRA_TENANT_ID", "OKTA_CLIENT_ID", "KIRO_DOMAIN_TOKEN"):
            assert f"vars.{name} " in text

    def test_credentials_of_a_dns_provider_are_secrets(self, repository, capsys):
        playbook = yaml.safe_load((PLAYBOOKS / "entra.yaml").read_text())
        keys = {
            "provider": "cloudflare",
            "credentials": {"auth_token": "${CF_TOKEN}"},
            "options": {"zone_id": "${ZONE}"},
        }
        playbook["domains"] = [{"name": "example.com", "dns": keys}]
        Path("entra.yaml").write_text(yaml.safe_dump(playbook))
        assert main(["ci", "init", "github", "entra.yaml"]) == 0
        assert "secrets: CF_TOKEN" in capsys.readouterr().err
        assert "vars.ZONE " in whole(repository)

    @pytest.mark.parametrize(
        ("cloud", "audience"),
        [("usgov", "api://AzureADTokenExchangeUSGov"), ("china", "api://AzureADTokenExchangeChina")],
    )
    @pytest.mark.parametrize("system", ["github", "gitlab", "kubernetes"])
    def test_the_sign_in_is_for_the_cloud_of_the_playbooks(self, repository, system, cloud, audience):
        playbook = yaml.safe_load((PLAYBOOKS / "entra.yaml").read_text())
        playbook["connection"]["cloud"] = cloud
        Path("entra.yaml").write_text(yaml.safe_dump(playbook))
        assert main(["ci", "init", system, "entra.yaml"]) == 0
        assert audience in whole(repository)

    def test_shards_and_schedule_are_as_asked(self, init):
        repository = init("github", ("okta",), "--shards", "3", "--schedule", "5 4 * * 1-5")
        drift = yaml.load((repository / FILES["github"][1]).read_text(), yaml.BaseLoader)
        assert drift["on"]["schedule"] == [{"cron": "5 4 * * 1-5"}]
        assert drift["jobs"]["drift"]["strategy"]["matrix"]["shard"] == ["1", "2", "3"]

    def test_the_playbooks_are_named_from_the_root_of_the_repository(self, repository, monkeypatch):
        (repository / "deep").mkdir()
        shutil.copy(PLAYBOOKS / "okta.yaml", repository / "deep")
        monkeypatch.chdir(repository / "deep")
        assert main(["ci", "init", "gitlab", "--dir", ".."]) == 0
        job = yaml.safe_load((repository / FILES["gitlab"][0]).read_text())[".provisioner"]
        assert job["variables"]["PROVISIONER_PLAYBOOKS"] == "deep/okta.yaml"

    def test_the_next_steps_list_variables_and_secrets(self, init, capsys):
        init("github", ("okta",))
        told = capsys.readouterr().err
        assert "provisioner-apply" in told
        assert "OKTA_CLIENT_ID" in told
        assert "secrets: OKTA_API_TOKEN, OKTA_PRIVATE_KEY" in told


class TestWarnings:
    def test_several_tenants_are_a_warning(self, repository, capsys):
        for name in ("a", "b"):
            text = (PLAYBOOKS / "entra.yaml").read_text().replace("ENTRA_TENANT_ID", f"TENANT_{name}")
            Path(f"{name}.yaml").write_text(text)
        assert main(["ci", "init", "azure", "a.yaml", "b.yaml"]) == 0
        assert "name 2 tenants" in capsys.readouterr().err

    def test_references_to_keyrings_and_files_are_a_warning(self, repository, capsys):
        text = (PLAYBOOKS / "okta.yaml").read_text().replace("OKTA_PRIVATE_KEY:-", "file:kiro.pem")
        Path("okta.yaml").write_text(text.replace("OKTA_API_TOKEN:-", "keyring:okta/token"))
        assert main(["ci", "init", "github"]) == 0
        told = capsys.readouterr().err
        assert "${file:kiro.pem}" in told
        assert "${keyring:okta/token}" in told


class TestRefusals:
    def test_nothing_is_overwritten_unless_forced(self, init, capsys):
        repository = init("github")
        plan = repository / FILES["github"][2]
        plan.write_text("mine")
        (repository / FILES["github"][0]).unlink()
        assert main(["ci", "init", "github", "books/okta.yaml"]) == 2
        assert "exist already" in capsys.readouterr().err
        assert plan.read_text() == "mine"
        assert not (repository / FILES["github"][0]).exists()
        assert main(["ci", "init", "github", "books/okta.yaml", "--force"]) == 0
        assert plan.read_text() != "mine"

    @pytest.mark.parametrize("name", [*HOSTILE, "-rf.yaml", "my book.yaml"])
    @pytest.mark.parametrize("system", SYSTEMS)
    def test_a_file_name_that_means_something_to_a_shell_or_an_expression(
        self, repository, capsys, system, name
    ):
        shutil.copy(PLAYBOOKS / "okta.yaml", repository / name)
        assert main(["ci", "init", system, "--", name]) == 2
        assert "rename the file" in capsys.readouterr().err
        assert [path.name for path in repository.iterdir()] == [name]

    def test_a_playbook_outside_the_repository(self, repository, capsys):
        (repository / "here").mkdir()
        shutil.copy(PLAYBOOKS / "okta.yaml", repository)
        assert main(["ci", "init", "github", "okta.yaml", "--dir", "here"]) == 2
        assert "outside" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "schedule", ["", "daily", "* * * *", "0 3 * * * *", "0 3 * * *\n", "$(x) 3 * * *"]
    )
    def test_an_invalid_schedule(self, repository, schedule, capsys):
        shutil.copy(PLAYBOOKS / "okta.yaml", repository)
        assert main(["ci", "init", "github", "--schedule", schedule]) == 2
        assert "five fields" in capsys.readouterr().err

    def test_playbooks_of_several_clouds(self, repository, capsys):
        for cloud in ("global", "china"):
            playbook = yaml.safe_load((PLAYBOOKS / "entra.yaml").read_text())
            playbook["connection"]["cloud"] = cloud
            Path(f"{cloud}.yaml").write_text(yaml.safe_dump(playbook))
        assert main(["ci", "init", "gitlab", "global.yaml", "china.yaml"]) == 2
        assert "several Microsoft clouds" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("provider: ldap\n", "expected entra or okta"),
            ("provider: [\n", "not valid YAML"),
            ("provider: entra\nconnection: {cloud: moon}\n", "no cloud 'moon'"),
        ],
    )
    def test_a_file_that_is_not_a_playbook(self, repository, capsys, text, told):
        Path("odd.yaml").write_text(text)
        assert main(["ci", "init", "github", "odd.yaml"]) == 2
        assert told in capsys.readouterr().err

    def test_a_folder_that_cannot_be_written(self, repository, capsys):
        shutil.copy(PLAYBOOKS / "okta.yaml", repository)
        Path(".github").write_text("a file")
        assert main(["ci", "init", "github", "okta.yaml"]) == 2
        assert "cannot write" in capsys.readouterr().err
