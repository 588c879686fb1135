"""Jinja: views and templates → text. The only module that has it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.errors import Problem, SpecError
from edgebuild.shipped import shipped

if TYPE_CHECKING:
    from jinja2 import Environment

FIX = "Correct the template, or remove it to use the one that ships with edgebuild."


class Renderer:
    """Renders templates by name; those of the user's own folder hide the shipped ones.

    Templates run in a sandbox and a name that the view does not have is an error: nothing is left out silently.
    """

    def __init__(self, own: Path | None = None) -> None:
        """Args: own: the user's folder of templates, laid out like the shipped one."""
        self.own = own

    @cached_property
    def environment(self) -> Environment:
        """Jinja's, made when the first template is rendered."""
        from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        return ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(str(folder)) for folder in self.folders]),
            undefined=StrictUndefined,
            # Markdown, JSON and Python, not pages.
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    @property
    def folders(self) -> list[Path]:
        """Where templates are looked for, in order."""
        return [*([self.own] if self.own else []), shipped("templates")]

    def render(self, template: str, view: Mapping[str, Any]) -> str:
        """The text of a template.

        Args:
            template: path below a folder of templates: `report/report.md.j2`.
            view: names the template may use.

        Raises:
            SpecError: the template cannot be read, is no Jinja, or uses a name or call that it may not.
        """
        from jinja2 import TemplateError

        try:
            return self.environment.get_template(template).render(view)
        except (TemplateError, UnicodeDecodeError) as error:
            raise SpecError(self.problem(template, error)) from error
        except Exception as error:
            # `{{ 1 / 0 }}` is the template's mistake, anything raised outside of one is ours.
            if self.place(error) is None:
                raise
            raise SpecError(self.problem(template, error)) from error

    def templates(self, folder: str) -> list[str]:
        """Names of the templates in a folder, shipped and own, without `.j2`, sorted."""
        found = {path.name for root in self.folders for path in (root / folder).glob("*.j2")}
        return sorted(name.removesuffix(".j2") for name in found)

    def problem(self, template: str, error: Exception) -> Problem:
        """What is wrong, at which line of which template: an included one has lines of its own."""
        name, line = self.place(error) or (getattr(error, "name", None) or template, getattr(error, "lineno", None))
        whose = "package.templates" if self.own and (self.own / name).is_file() else "templates"
        place = f"{whose}/{name}:{line}" if line else f"{whose}/{name}"
        return Problem(place, f"{type(error).__name__}: {getattr(error, 'message', None) or error}.", FIX)

    def place(self, error: Exception) -> tuple[str, int] | None:
        """The innermost template that a traceback goes through, with the line; Jinja puts both into it."""
        found, frame = None, error.__traceback__
        while frame is not None:
            file = Path(frame.tb_frame.f_code.co_filename)
            for folder in self.folders:
                if file.is_relative_to(folder):
                    found = file.relative_to(folder).as_posix(), frame.tb_lineno
                    break
            frame = frame.tb_next
        return found
