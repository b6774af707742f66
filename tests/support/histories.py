# SPDX-License-Identifier: GPL-2.0-only
"""Histories of small trees: any change to them, and their commits."""

from hypothesis import strategies as st

from tests.support.gitrepo import Repository

PATHS = ("a", "b", "d/a", "d/b", "d/e/a")
CHANGES = st.one_of(
    st.tuples(st.just("edit"), st.sampled_from(PATHS), st.integers(0, 11), st.sampled_from("xyz")),
    st.tuples(st.just("cut"), st.sampled_from(PATHS), st.integers(0, 11), st.just("")),
    st.tuples(st.just("move"), st.sampled_from(PATHS), st.just(0), st.sampled_from(PATHS)),
    st.tuples(st.just("delete"), st.sampled_from(PATHS), st.just(0), st.just("")),
    st.tuples(st.just("mode"), st.sampled_from(PATHS), st.just(0), st.just("")),
)
Change = tuple[str, str, int, str]
Tree = dict[str, tuple[str, list[str]]]


def changed(tree: Tree, change: Change) -> Tree:
    """A tree of path -> (mode, lines) after one change; one that has nothing to change makes a file."""
    what, path, number, value = change
    tree = dict(tree)
    if path not in tree:
        return tree | {path: ("100644", [f"new {number}\n", f"{value}\n"])}
    mode, text = tree[path]
    match what:
        case "edit":
            tree[path] = mode, [*text[:number], f"{value}\n", *text[number + 1 :]]
        case "cut":
            tree[path] = mode, [*text[:number], *text[number + 1 :]]
        case "mode":
            tree[path] = "100755" if mode == "100644" else "100644", text
        case "move":
            tree[value] = tree.pop(path)
        case "delete":
            del tree[path]
    return tree


def imported(repository: Repository, trees: list[Tree]) -> list[str]:
    """A commit for each tree, all in one go."""
    stream = ["reset refs/heads/main\n"]
    for tree in trees:
        stream.append("commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 1\nx\ndeleteall\n")
        for path, (mode, text) in tree.items():
            data = "".join(text)
            stream.append(f"M {mode} inline {path}\ndata {len(data)}\n{data}\n")
    repository.git("fast-import", "--quiet", "--force", stdin="".join(stream).encode())
    return repository.git("rev-list", "--reverse", "main").split()
