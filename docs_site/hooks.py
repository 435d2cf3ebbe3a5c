"""Pages of the site that come from other files: root files, registries, the API, examples."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from pipelines.cli.list import REGISTRIES
from triage.evaluation import METRICS
from triage.registry import Registry, markdown_table

ROOT = Path(__file__).resolve().parents[1]

ROOT_PAGES = {
    "container.md": "docker/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "security_policy.md": "SECURITY.md",
    "code_of_conduct.md": "CODE_OF_CONDUCT.md",
}
"""Pages of the site that are files outside docs/."""

FRAME_WORKER = "https://unpkg.com/iframe-worker/shim"
"""Address that the theme loads a script from if its plug-in `offline` is used."""

TITLES = {
    "mixings": "Mixings of training cases",
    "scores": "Out-of-distribution scores",
    "conformal": "Prediction sets",
}
"""Headings of registries that are not the word of the command line."""

EXTERNAL = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*\ssrc=[\"']?(?:https?:)?//"
    r"|<link\b[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|icon)\b[^>]*\shref=[\"']?(?:https?:)?//"
    r"|@import\s+[^;]*(?:https?:)?//"
    r"|url\(\s*[\"']?(?:https?:)?//",
    re.IGNORECASE,
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the generated pages to the navigation."""
    nav: list[Any] = config["nav"]
    reference = next(entry["Reference"] for entry in nav if "Reference" in entry)
    if (ROOT / "docs" / "api.md").exists():
        reference.insert(0, {"Python API": "api.md"})
    reference.append({"Packages": ["reference/index.md", *_package_pages()]})
    if examples := [f"examples/{path.stem}.md" for path in _examples()]:
        place = next(number for number, entry in enumerate(nav) if "Methods" in entry)
        nav.insert(place, {"Examples": examples})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site."""
    generated = {name: _text(ROOT / source) for name, source in ROOT_PAGES.items()}
    generated["reference/methods.md"] = _methods_page()
    generated["reference/index.md"] = _packages_page()
    generated |= {name: _package_page(name) for name in _package_pages()}
    generated |= {f"examples/{path.stem}.md": _example_page(path) for path in _examples()}
    for name, text in generated.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    source = ROOT_PAGES.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    pages = {original: name for name, original in ROOT_PAGES.items()}
    folder = Path(source).parent

    def target(match: re.Match[str]) -> str:
        text, link, anchor = match["text"], match["link"], match["anchor"] or ""
        place = (ROOT / folder / link).resolve()
        if not place.exists() or not place.is_relative_to(ROOT):
            return match[0]
        inside = place.relative_to(ROOT).as_posix()
        if inside in pages:
            return f"[{text}]({pages[inside]}{anchor})"
        if inside.startswith("docs/"):
            depth = "../" * page.file.src_uri.count("/")
            return f"[{text}]({depth}{inside.removeprefix('docs/')}{anchor})"
        return text  # a file of the repository that is no page of the site

    if page.file.src_uri.startswith(("reference/", "examples/")):
        return markdown
    link = r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<link>[\w./-]+)(?P<anchor>#[\w-]+)?\)"
    return re.sub(link, target, markdown)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Replace the theme's script for search without a web server, which another server holds."""
    address = "../" * page.file.dest_uri.count("/") + "javascripts/frame_worker.js"
    return output.replace(FRAME_WORKER, address)


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    """Do the same in pages that are not made from Markdown, such as that of a wrong address."""
    return output_content.replace(FRAME_WORKER, "/javascripts/frame_worker.js")


def on_post_build(config: MkDocsConfig) -> None:
    """Check that no page loads anything from another server.

    Raises
    ------
    PluginError
        If one does; the message names the files.
    """
    site = Path(config["site_dir"])
    found = [
        path.relative_to(site).as_posix()
        for path in sorted(site.rglob("*"))
        if path.suffix in {".html", ".css"} and EXTERNAL.search(_text(path))
    ]
    if found:
        raise PluginError(f"These files load something from another server: {', '.join(found)}")


# Methods


def _methods_page() -> str:
    parts = [
        "# All methods",
        "Every method that settings and options can name, from the registries of the software. "
        "`triage list KIND` prints the same names.",
    ]
    for kind, (module, name) in REGISTRIES.items():
        registry: Registry[Any] = getattr(import_module(module), name)
        parts += [f"## {TITLES.get(kind, kind.capitalize())}", registry.markdown().strip()]
    metrics = [("metric", "name", "unit", "definition")]
    metrics += [
        (f"`{key}`", each.title, each.unit, each.definition) for key, each in METRICS.items()
    ]
    parts += ["## Metrics", markdown_table(metrics).strip()]
    return "\n\n".join(parts) + "\n"


# Packages


def _package_pages() -> list[str]:
    return [f"reference/{path.stem}.md" for path in _packages()]


def _packages() -> list[Path]:
    """Packages and modules directly in triage/, in the order of names."""
    return [
        path
        for path in sorted((ROOT / "triage").iterdir())
        if (path.suffix == ".py" and not path.name.startswith("_"))
        or (path / "__init__.py").is_file()
    ]


def _packages_page() -> str:
    rows = [
        f"| [`triage.{path.stem}`]({path.stem}.md) | {_summary(_init(path))} |"
        for path in _packages()
    ]
    return "\n".join(
        [
            "# Packages",
            "",
            "The modules of the software with their public classes and functions. "
            "[Architecture](../architecture.md) describes which package may import which.",
            "",
            "| package | contents |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _package_page(name: str) -> str:
    package = Path(name).stem
    place = ROOT / "triage" / package
    modules = [f"triage.{package}"]
    if place.is_dir():
        modules += [
            ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for path in sorted(place.rglob("*.py"))
            if not any(part.startswith("_") for part in path.relative_to(place).parts)
            and "migrations" not in path.parts
        ]
    return f"# triage.{package}\n\n" + "\n\n".join(f"::: {module}" for module in modules) + "\n"


def _init(path: Path) -> Path:
    return path / "__init__.py" if path.is_dir() else path


def _summary(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(_text(path))) or ""
    return docstring.split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


# Examples


def _examples() -> Iterator[Path]:
    """Scripts of examples/, without the one that makes notebooks of them."""
    paths = sorted((ROOT / "examples").glob("*.py"))
    return (path for path in paths if not path.name.startswith(("_", "build_")))


def _example_page(path: Path) -> str:
    source = _text(path)
    tree = ast.parse(source)
    docstring = ast.get_docstring(tree) or path.stem
    title, _, rest = docstring.partition("\n")
    code = source.split("\n", tree.body[0].end_lineno or 0)[-1] if tree.body else source
    return (
        f"# {title.rstrip('.')}\n\n{rest.strip()}\n\n"
        f"`examples/{path.name}`:\n\n```python\n{code.strip()}\n```\n"
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
