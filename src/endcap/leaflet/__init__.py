"""Pages of one file, which need nothing else: they bring their style, and ask nobody for more."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, Template
from markupsafe import Markup


def template(package: str, name: str = "page.html") -> Template:
    """A page of a package. In it, `style` is what all such pages look like."""
    env = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    env.globals["style"] = Markup(_text("endcap.leaflet", "page.css"))  # noqa: S704, it is ours
    return env.from_string(_text(package, name))


def _text(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
