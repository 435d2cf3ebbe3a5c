"""Architecture rules of the source, checked on its syntax trees."""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("triage", "pipelines", "ui")

LAYERS = {
    "triage": 0,  # imports from higher layers when a name is first used: see FACADE
    "triage.errors": 1,
    "triage.extras": 1,
    "triage.hashing": 1,
    "triage.array_file": 1,
    "triage.atomic_write": 1,
    "triage.printable": 1,
    "triage.regular_file": 1,
    "triage.secret_file": 1,
    "triage.file_lock": 1,
    "triage.named_file": 1,
    "triage.csv_file": 1,
    "triage.cache_folder": 1,
    "triage.progress": 1,
    "triage.registry": 1,
    "triage.vocabulary": 1,
    "triage.codecs": 2,
    "triage.imaging": 2,
    "triage.oct_imaging": 2,
    "triage.decoding": 2,
    "triage.decision": 2,
    "triage.engine": 2,
    "triage.modalities": 2,
    "triage.predictions": 2,
    "triage.scored_dataset": 2,
    "triage.oct_reading": 2,
    "triage.data": 3,
    "triage.uncertainty": 3,
    "triage.measurements": 4,
    "triage.phantoms": 4,
    "triage.public_sets": 4,
    "triage.backbones": 4,
    "triage.losses": 4,
    "triage.heads": 4,
    "triage.posteriors": 4,
    "triage.models": 4,
    "triage.decisions": 4,
    "triage.scores": 4,
    "triage.acquisition": 4,
    "triage.ledger": 4,
    "triage.store": 5,
    "triage.store.migrations": 5,
    "triage.accounts": 6,
    "triage.backups": 6,
    "triage.systems": 6,
    "triage.evaluation": 6,
    "triage.labels": 7,
    "triage.dataset_versions": 7,
    "triage.gating": 7,
    "triage.model_registry": 7,
    "triage.monitoring": 7,
    "triage.charts": 7,
    "triage.auditing": 7,
    "triage.audit_sources": 7,
    "triage.intake": 7,
    "triage.review": 7,
    "triage.learning": 8,
    "triage.benchmark": 8,
    "triage.reports": 8,
    "pipelines": 9,
    "ui": 9,
}
TORCH = ("triage.backbones", "triage.losses", "triage.heads", "triage.posteriors", "triage.models")
"""The packages of networks and their training."""
MAY_IMPORT_TORCH = (
    *TORCH,
    "triage.systems",
    "triage.intake",
    "triage.learning",
    "triage.benchmark",
    "triage.reports.bundle_report",
    "pipelines",
)
WITHOUT_TORCH = (
    "ui",
    "triage.store",
    "triage.backups",
    "triage.auditing",
    "triage.audit_sources",
    "triage.review",
    "triage.labels",
    "triage.dataset_versions",
    "triage.gating",
    "triage.model_registry",
    "triage.monitoring",
    "triage.engine",
    "triage.acquisition",
    "triage.reports",
    "triage.decisions",
    "triage.uncertainty",
    "triage.scores",
    "triage.evaluation",
    "triage.data",
    "triage.codecs",
    "triage.imaging",
    "triage.oct_imaging",
    "triage.decoding",
    "triage.vocabulary",
    "triage.phantoms",
    "triage.public_sets",
    "triage.charts",
    "triage.measurements",
    "triage.oct_reading",
    "triage.predictions",
    "triage.scored_dataset",
)
HEAVY = ("torch", "monai", "transformers", *TORCH)
FACADE = "triage"
"""The root package offers the public API: it alone imports from higher layers, and only when a name
is first used. Other modules import only its version, nothing of the API."""
UNSAFE_MODULES = ("pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve")
"""Modules whose loaders can run code contained in a file."""
NOT_INSTALLED = ("torchvision", "timm")


@dataclass(frozen=True)
class Source:
    """One module of the project."""

    path: Path

    @property
    def module(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    def imports(self) -> Iterator[tuple[str, int]]:
        """Modules, and names that may be modules, with the line that imports them."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.module}:{node.lineno}: a relative import"
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
            elif isinstance(node, ast.Call) and _name(node.func).endswith("import_module"):
                (first, *_) = node.args
                if isinstance(first, ast.Constant):
                    yield str(first.value), node.lineno


def _name(node: ast.expr) -> str:
    """Dotted name of an expression such as `torch.load`, '' where it is not one."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return ""


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def package_of(module: str) -> str:
    """Package of a module: the longest name of `LAYERS` that contains it."""
    return max((name for name in LAYERS if within(module, name)), key=len)


SOURCES = [Source(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
OURS = [(source, name, line) for source in SOURCES for name, line in source.imports()]


def offenders(*found: str) -> str:
    return "".join(f"\n  {place}" for place in found)


def test_the_source_is_found() -> None:
    assert len(SOURCES) > 80
    assert {package_of(source.module) for source in SOURCES} == set(LAYERS)


def test_every_package_has_a_layer() -> None:
    packages = {
        f"triage.{path.stem}"
        for path in (ROOT / "triage").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    } - {"triage.__init__"}
    assert packages <= set(LAYERS)


def test_no_import_from_a_higher_layer() -> None:
    wrong = [
        f"{source.module}:{line} imports {name}"
        for source, name, line in OURS
        if name.split(".")[0] in PACKAGES
        and LAYERS[package_of(name)] > LAYERS[package_of(source.module)]
        and source.module != FACADE
    ]
    assert not wrong, offenders(*wrong)


def test_no_import_cycle_between_packages() -> None:
    graph: dict[str, set[str]] = {}
    for source, name, _ in OURS:
        if source.module == FACADE:
            continue
        if name.split(".")[0] in PACKAGES and package_of(name) != package_of(source.module):
            graph.setdefault(package_of(source.module), set()).add(package_of(name))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle of packages: {error.args[1]}")


def test_the_facade_imports_nothing_before_first_use() -> None:
    (facade,) = (source for source in SOURCES if source.module == FACADE)
    at_once = [
        ast.unparse(node)
        for node in facade.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert at_once == ["from __future__ import annotations", "from typing import TYPE_CHECKING"]


def test_no_module_of_the_project_uses_the_facade() -> None:
    """Modules import the version and the folder of the root package, nothing of the API."""
    allowed = ("triage", "triage.__version__")
    wrong = [
        f"{source.module}:{line} imports {name}"
        for source, name, line in OURS
        if within(name, FACADE) and package_of(name) == FACADE and name not in allowed
    ]
    wrong += [
        f"{source.module}:{node.lineno} uses {_name(node)}"
        for source in SOURCES
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
        and _name(node) in ("triage.audit", "triage.load", "triage.scores")
    ]
    assert not wrong, offenders(*wrong)


@pytest.mark.parametrize("code", ["import triage", "import triage; dir(triage)"])
def test_importing_the_facade_loads_no_library(code: str) -> None:
    shown = f"import sys; {code}; print(*({{*{(*SLOW, 'numpy')!r}}} & {{*sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_only_some_packages_import_the_models() -> None:
    wrong = [
        f"{source.module}:{line} imports {name}"
        for source, name, line in OURS
        if any(within(name, package) for package in TORCH)
        and not any(within(source.module, package) for package in MAY_IMPORT_TORCH)
    ]
    assert not wrong, offenders(*wrong)


def test_packages_without_torch() -> None:
    wrong = [
        f"{source.module}:{line} imports {name}"
        for source, name, line in OURS
        if any(within(source.module, light) for light in WITHOUT_TORCH)
        and any(within(name, heavy) for heavy in HEAVY)
    ]
    assert not wrong, offenders(*wrong)


def test_the_pages_import_no_trained_system() -> None:
    wrong = [
        f"{source.module}:{line} imports {name}"
        for source, name, line in OURS
        if within(source.module, "ui") and within(name, "triage.systems")
    ]
    assert not wrong, offenders(*wrong)


@pytest.mark.parametrize(
    "module",
    [
        "triage.data.dataset",
        "triage.predictions",
        "triage.oct_reading",
        "triage.measurements.tissue_measurements",
        "triage.decisions",
        "triage.decisions.fitting",
        "triage.evaluation",
        "triage.store",
        "triage.review",
        "triage.labels.import_labels",
        "triage.intake.uploaded_case",
        "triage.auditing",
        "triage.auditing.audit",
        "triage.scores",
        "triage.reports",
        "ui",
    ],
)
def test_importing_it_loads_no_torch(module: str) -> None:
    code = (
        f"import sys, {module}; print(*({{'torch', 'monai', 'transformers'}} & {{*sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


SLOW = ("pandas", "pydicom", "scipy", "torch", "streamlit", "sqlalchemy", "sklearn")
"""Libraries that take a second or more to import."""


@pytest.mark.parametrize(
    "arguments", [("--help",), ("train", "--help"), ("inspect", "absent.png"), ("spec", "--help")]
)
def test_the_command_line_starts_without_what_it_does_not_need(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom pipelines.cli import main\n"
        f"sys.argv = ['triage', *{arguments!r}]\n"
        "try:\n    main()\nfinally:\n"
        f"    print(*sorted({{*{SLOW!r}}} & {{*sys.modules}}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr
    assert done.stderr.strip() == ""


PROCESSES = ("multiprocessing", "torch.multiprocessing", "subprocess", "ray")
"""Modules that start processes."""
MAY_START_PROCESSES = {
    "triage.engine": "runs tasks in processes and on Ray",
    "triage.decoding.worker.pool": "a sandbox for files of strangers: limits of memory and time, "
    "and an end that must cost one file only",
    "triage.backbones.convert_checkpoint": "a sandbox for checkpoints of strangers",
    "triage.backups.server_copies": "runs pg_dump and pg_restore, which are other programs",
    "ui.launch": "starts the server of the pages, which is another program",
}
"""What may start processes beside the engine, with the reason why it is not the engine."""


def _starts_processes(name: str) -> bool:
    return any(within(name, module) for module in PROCESSES) or "ProcessPool" in name


def test_work_runs_on_several_processes_through_the_engine_only() -> None:
    wrong = [
        f"{source.module}:{line} imports {name}"
        for source, name, line in OURS
        if _starts_processes(name)
        and not any(within(source.module, allowed) for allowed in MAY_START_PROCESSES)
    ]
    assert not wrong, offenders(*wrong)


@pytest.mark.parametrize("allowed", MAY_START_PROCESSES)
def test_what_may_start_processes_does(allowed: str) -> None:
    assert any(
        within(source.module, allowed) and _starts_processes(name) for source, name, _ in OURS
    )


@pytest.mark.parametrize("name", ["ray", "ray.util", "concurrent.futures.ProcessPoolExecutor"])
def test_what_starts_processes(name: str) -> None:
    assert _starts_processes(name)
    assert not _starts_processes("concurrent.futures.ThreadPoolExecutor")


def test_the_engine_imports_ray_only_where_it_is_used() -> None:
    code = "import sys, triage.engine; print(*({'ray', 'torch', 'numpy'} & {*sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_writers_of_the_case_database_start_without_torch() -> None:
    code = (
        "import sys, triage.intake.ingest_dataset; print(*({'torch', 'sklearn'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


OPENERS = {
    "triage.regular_file": "opens files for all others",
    "triage.atomic_write": "writes",
}


def _opens_by_itself(call: ast.Call) -> bool:
    """Whether a call opens a file by its path instead of through `triage.regular_file`."""
    name = _name(call.func)
    last = call.func.attr if isinstance(call.func, ast.Attribute) else name
    if last in {"read_text", "read_bytes"}:
        # `read_bytes(path, limits)` is ours; a Path's takes no path.
        return isinstance(call.func, ast.Attribute) and not name.startswith("read")
    if last == "open" and name not in {"os.open", "Image.open"}:
        given = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
        modes = [each.value for each in given if isinstance(each, ast.Constant)]
        if name == "open":
            return not isinstance(call.args[0], ast.Constant)  # a path of ours, such as /proc
        return any(isinstance(mode, str) and "r" in mode for mode in modes)
    return last in {"read_csv", "read_parquet", "read_table"} and name.split(".")[0] in {"pd", "pq"}


def test_files_are_read_through_one_module_only() -> None:
    # What reads files of its very package, or of Streamlit's.
    ours = ("ui.components.assets", "ui.serving.sign_in_pages", "ui.serving.streamlit_pages")
    wrong = [
        f"{source.module}:{node.lineno}"
        for source in SOURCES
        if source.module not in OPENERS and source.module not in ours
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and _opens_by_itself(node)
    ]
    assert not wrong, offenders(*wrong)


def test_no_module_unpickles() -> None:
    wrong = [
        f"{source.module}:{line} imports {name}"
        for source, name, line in OURS
        if name.split(".")[0] in UNSAFE_MODULES
    ]
    assert not wrong, offenders(*wrong)


def _unsafe(call: ast.Call) -> str | None:
    """Problem with a call, None if there is none."""
    name = _name(call.func)
    last = name.rsplit(".", 1)[-1]
    if name in {"eval", "exec", "compile", "__import__"}:
        return f"{name}() runs text as code"
    if name in {"torch.load", "torch.save", "torch.jit.load", "torch.hub.load"}:
        return f"{name}() uses pickle, or fetches code"
    if last in {"read_pickle", "to_pickle"}:
        return f"{last}() uses pickle"
    if last in {"system", "popen"} and name.startswith("os."):
        return f"{name}() runs a shell"
    if name in {"yaml.unsafe_load", "yaml.full_load"}:
        return f"{name}() can build any object"
    # SQL is the one argument; our charts draw with text(x, y, words).
    if (
        name in {"text", "sa.text", "sqlalchemy.text"}
        and len(call.args) == 1
        and not isinstance(call.args[0], ast.Constant | ast.Name)
    ):
        return "text() of a built string: bind parameters instead"
    for keyword in call.keywords:
        given = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if keyword.arg == "shell" and given is not False:
            return "shell=True"
        if keyword.arg == "unsafe_allow_html" and given is not False:
            return "unsafe_allow_html"
        if keyword.arg in {"allow_pickle", "trust_remote_code"} and given is not False:
            return keyword.arg
        if keyword.arg == "weights_only" and given is not True:
            return "weights_only"
    return None


CHECKPOINTS = "triage.backbones.convert_checkpoint"
"""The one module that may call `torch.load`: with `weights_only=True`, in a process with limits."""


def _loads_tensors_alone(call: ast.Call) -> bool:
    given = {word.arg: ast.unparse(word.value) for word in call.keywords}
    return _name(call.func) == "torch.load" and given.get("weights_only") == "True"


def test_no_call_runs_code_of_a_file_or_a_user() -> None:
    wrong = [
        f"{source.module}:{node.lineno}: {problem}"
        for source in SOURCES
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and (problem := _unsafe(node))
        if not (source.module == CHECKPOINTS and _loads_tensors_alone(node))
    ]
    assert not wrong, offenders(*wrong)


def test_one_call_reads_checkpoints() -> None:
    (source,) = (source for source in SOURCES if source.module == CHECKPOINTS)
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    assert [_loads_tensors_alone(call) for call in calls if _unsafe(call)] == [True]


@pytest.mark.parametrize("code", ["torch.load(path)", "torch.load(path, weights_only=False)"])
def test_the_exception_is_for_tensors_alone(code: str) -> None:
    (call,) = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    assert not _loads_tensors_alone(call)


@pytest.mark.parametrize(
    "code",
    [
        "eval('1')",
        "torch.load(path)",
        "pd.read_pickle(path)",
        "os.system('ls')",
        "subprocess.run('ls', shell=True)",
        "st.markdown(note, unsafe_allow_html=True)",
        "session.execute(text(f'select {name}'))",
        "sa.text('select ' + name)",
        "text('select {}'.format(name))",
        "np.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(path, trust_remote_code=True)",
    ],
)
def test_the_rule_catches(code: str) -> None:
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert any(_unsafe(call) for call in calls)


@pytest.mark.parametrize(
    "code",
    [
        "model.eval()",
        "re.compile('x')",
        "text('select 1')",
        "run(a, shell=False)",
        "text(x + 1, y, f'{n}')",
    ],
)
def test_the_rule_lets_pass(code: str) -> None:
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert not any(_unsafe(call) for call in calls)


@pytest.mark.parametrize("name", NOT_INSTALLED)
def test_packages_that_break_the_environment_are_absent(name: str) -> None:
    assert importlib.util.find_spec(name) is None
    wrong = [f"{source.module}:{line}" for source, module, line in OURS if within(module, name)]
    assert not wrong, offenders(*wrong)


IN_ONE_FILE = ("triage.reports.verify_report",)
"""Programs that people copy and run without the rest of the software."""


def test_no_file_is_over_400_lines() -> None:
    long = [
        f"{source.module}: {lines}"
        for source in SOURCES
        if source.module not in IN_ONE_FILE
        and (lines := len(source.path.read_text(encoding="utf-8").splitlines())) > 400
    ]
    assert not long, offenders(*long)


def _undocumented(source: Source) -> Iterator[str]:
    """Public modules, classes, functions and methods without a docstring."""

    def visit(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[str]:
        for child in node.body:
            kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            if not isinstance(child, kinds) or child.name.startswith("_"):
                continue
            overload = any("overload" in _name(mark) for mark in child.decorator_list)
            if ast.get_docstring(child) is None and not overload:
                yield f"{prefix}.{child.name}"
            if isinstance(child, ast.ClassDef):
                yield from visit(child, f"{prefix}.{child.name}")

    if ast.get_docstring(source.tree) is None:
        yield source.module
    if not any(part.startswith("_") for part in source.module.split(".")):
        yield from visit(source.tree, source.module)


def test_everything_public_has_a_docstring() -> None:
    lacking = [
        name
        for source in SOURCES
        if within(source.module, "triage") or within(source.module, "pipelines")
        for name in _undocumented(source)
    ]
    assert not lacking, offenders(*lacking)


def test_nothing_is_left_to_do() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "X" * 3)
    wrong = [
        f"{source.module}:{number}"
        for source in SOURCES
        for number, line in enumerate(source.path.read_text(encoding="utf-8").splitlines(), 1)
        if any(mark in line for mark in marks)
    ]
    assert not wrong, offenders(*wrong)
