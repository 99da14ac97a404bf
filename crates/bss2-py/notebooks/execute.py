"""Runs the notebooks; with --render DIR writes them there as Markdown, with their figures.

    python execute.py [--render ../../../docs/notebooks] [--without NAME]
"""

import argparse
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--render", type=Path)
    parser.add_argument("--without", action="append", default=[], help="leave a notebook out")
    arguments = parser.parse_args()
    paths = sorted(path for path in HERE.glob("*.ipynb") if path.stem not in arguments.without)
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=600, startup_timeout=300, kernel_name="python3").execute()
        if arguments.render:
            render(notebook, path.stem, arguments.render)
        print(f"{path.name}: {len(notebook.cells)} cells", flush=True)
    if not paths:
        raise SystemExit("there are no notebooks")


def render(notebook, name, folder):
    from nbconvert import MarkdownExporter

    folder.mkdir(parents=True, exist_ok=True)
    text, resources = MarkdownExporter().from_notebook_node(notebook, {"unique_key": name, "output_files_dir": name})
    for path, content in resources["outputs"].items():
        target = folder / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
    (folder / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main()
