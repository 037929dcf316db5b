"""The shipped files, and filling them in."""

from __future__ import annotations

import jinja2
import pytest

from provisioner import templating
from provisioner.core.errors import UsageError
from provisioner.playbook import load
from provisioner.settings import Variables
from provisioner.templating import render, shipped_folder

VALUES = {"file": "entra.yaml", "name": "kiro", "display_name": '"Kiro"', "groups": ["Kiro-Users", '"a: b"']}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An installation whose package is in a folder of its own."""
    package = tmp_path / "provisioner"
    package.mkdir()
    monkeypatch.setattr(templating, "_PACKAGE", package)
    return package


class TestShippedFiles:
    @pytest.mark.parametrize("folder", ["playbooks", "templates"])
    def test_they_are_there(self, folder):
        assert any(shipped_folder(folder).iterdir())

    def test_an_installed_package_has_them_inside(self, installed):
        (installed / "_shipped" / "playbooks").mkdir(parents=True)
        (installed.parent / "playbooks").mkdir()
        assert shipped_folder("playbooks") == installed / "_shipped" / "playbooks"

    def test_a_checkout_has_them_beside_the_package(self, installed):
        (installed.parent / "playbooks").mkdir()
        assert shipped_folder("playbooks") == installed.parent / "playbooks"

    def test_missing_files_are_an_error_of_the_installation(self, installed):
        with pytest.raises(UsageError, match="lacks its playbooks") as raised:
            shipped_folder("playbooks")
        assert "install" in raised.value.hint


class TestFillingIn:
    @pytest.mark.parametrize(
        "template", [file.name for file in shipped_folder("templates").glob("playbook-*.j2")]
    )
    @pytest.mark.parametrize("domain", [None, "bücher.example"])
    def test_the_skeleton_of_a_playbook_is_a_valid_one(self, template, domain, tmp_path):
        file = tmp_path / "playbook.yaml"
        file.write_text(render(template, **VALUES, domain=domain), encoding="utf-8")
        environment = {"ENTRA_TENANT_ID": "contoso.com", "OKTA_ORG_URL": "https://acme.okta.com"}
        playbook = load(file, Variables(environment=environment)).playbook
        shown = playbook.application_label if playbook.provider == "okta" else playbook.display_name
        assert (playbook.name, shown) == ("kiro", "Kiro")
        assert [group.name for group in playbook.groups] == ["Kiro-Users", "a: b"]
        names = None if playbook.domains is None else [keys.domain.unicode for keys in playbook.domains]
        assert names == ([domain] if domain else None)

    def test_a_value_that_is_used_but_not_given_is_an_error(self):
        with pytest.raises(jinja2.UndefinedError, match="display_name"):
            render("playbook-entra.yaml.j2", file="x", name="kiro", groups=[])

    def test_a_template_that_does_not_exist_is_an_error(self):
        with pytest.raises(jinja2.TemplateNotFound):
            render("nonsense.j2")

    def test_a_template_cannot_read_attributes_of_classes(self, installed):
        folder = installed.parent / "templates"
        folder.mkdir()
        (folder / "evil.j2").write_text("{{ value.__class__.__mro__ }}")
        with pytest.raises(jinja2.exceptions.SecurityError):
            render("evil.j2", value="x")

    def test_values_are_put_in_as_they_are(self, installed):
        folder = installed.parent / "templates"
        folder.mkdir()
        (folder / "plain.j2").write_text("{% for value in values %}\n<{{ value }}>\n{% endfor %}\nend\n")
        assert render("plain.j2", values=["a&b", "{{ x }}"]) == "<a&b>\n<{{ x }}>\nend\n"
