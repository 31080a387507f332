"""Writes the reference pages from the commands and the settings table: `python -m gitrel.cli.reference`.

What is generated cannot be out of date for long: a test compares the pages with what would be written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitrel.cli.main import EXIT_CODES, VERBS, build
from gitrel.config.settings import OTHER_VARIABLES, SETTINGS, Setting

FOLDER = Path("docs", "reference")
NOTE = "<!-- Written by `python -m gitrel.cli.reference`; edit the code, not this page. -->"


def pages() -> dict[str, str]:
    """File name → text."""
    root = build()
    commands = dict(walk(root))
    return {
        "cli.md": cli_page(root, commands),
        "settings.md": settings_page(commands),
        "files.md": files_page(),
        "metrics.md": metrics_page(),
    }


def files_page() -> str:
    """Every field of every file that people write, model by model."""
    from gitrel.repo.schema import KINDS, json_schema
    from gitrel.repo.schema_words import fields_of, words_for

    models: dict[str, dict[str, str]] = {}
    for kind in KINDS:
        for owner, name, field in fields_of(json_schema(kind)):
            default = f"`{field['default']}`" if _is_plain(field.get("default")) else ""
            row = f"| `{name}` | {default} | {_cell(words_for(owner, name))} |"
            models.setdefault(owner, {}).setdefault(name, row)
    lines = [NOTE, "", "# The files people write", "", "`gitrel schema KIND` prints them as JSON Schema."]
    for owner, rows in models.items():
        lines += ["", f"## {owner}", "", "| field | default | meaning |", "| --- | --- | --- |"]
        lines += rows.values()
    return "\n".join(lines) + "\n"


def _is_plain(default: Any) -> bool:
    return default not in (None, "") and not isinstance(default, (dict, list))


def metrics_page() -> str:
    """Every metric of the daemon, with its labels."""
    from gitrel.telemetry.metrics import Metrics

    lines = [NOTE, "", "# Metrics", "", "`gitrel daemon --listen` serves them at `/metrics`.", ""]
    lines += ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for name, kind, labels, words in Metrics().described():
        lines.append(f"| `{name}` | {kind} | {', '.join(labels)} | {_cell(words)} |")
    return "\n".join(lines) + "\n"


def walk(root: Any) -> Iterator[tuple[str, Any]]:
    """Every command by its full name, groups before their verbs."""
    for name, command in root.commands.items():
        yield name, command
        for inner_name, inner in getattr(command, "commands", {}).items():
            yield f"{name} {inner_name}", inner


def cli_page(root: Any, commands: dict[str, Any]) -> str:
    lines = [NOTE, "", "# The command line", "", "Data goes to stdout, progress and messages to stderr.", ""]
    lines += ["## Options that every verb understands", "", *_options(root), ""]
    lines += ["## Exit codes", "", "| code | meaning |", "| --- | --- |"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES]
    for section in dict.fromkeys(entry.section for entry in VERBS):
        lines += ["", f"## {section}"]
        for entry in (entry for entry in VERBS if entry.section == section):
            for name, command in commands.items():
                if name.split()[0] == entry.name:
                    lines += ["", *_command(name, command)]
    return "\n".join(lines) + "\n"


def _command(name: str, command: Any) -> Iterator[str]:
    if hasattr(command, "commands"):
        usage = "VERB"
    else:
        usage = " ".join(
            filter(
                None,
                (_argument(p) for p in command.params),
            )
        )
    yield f"### gitrel {name}"
    yield ""
    yield "```"
    yield f"gitrel {name} {usage}".rstrip()
    yield "```"
    yield ""
    yield command.help.strip()
    options = list(_options(command))
    if options:
        yield ""
        yield from options


def _argument(param: Any) -> str:
    if param.param_type_name != "argument":
        return ""
    name = param.metavar or param.name.upper()
    name = f"{name}..." if param.nargs == -1 else name
    return name if param.required else f"[{name}]"


def _options(command: Any) -> Iterator[str]:
    shown = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    if not shown:
        return
    yield "| option | meaning | default | variable |"
    yield "| --- | --- | --- | --- |"
    for param in shown:
        flags = ", ".join(f"`{flag}`" for flag in (*param.opts, *param.secondary_opts))
        default = param.show_default if isinstance(param.show_default, str) else _default(param.default)
        variable = f"`{param.envvar}`" if param.envvar else ""
        yield f"| {flags} | {_cell(param.help)} | {_cell(default)} | {variable} |"


def _default(value: Any) -> str:
    return "" if value in (None, "", (), []) else {True: "yes", False: "no"}.get(value, str(value))


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("<", "&lt;")


def settings_page(commands: dict[str, Any]) -> str:
    lines = [NOTE, "", "# Settings", "", "A flag wins over its variable, the variable over the default.", ""]
    lines += [
        "| setting | flag | variable | default | meaning | verbs |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_setting(setting, commands) for setting in SETTINGS.values()]
    lines += ["", "## Variables without a flag", "", "| variable | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in OTHER_VARIABLES.items()]
    return "\n".join(lines) + "\n"


def _setting(setting: Setting, commands: dict[str, Any]) -> str:
    verbs = [name for name, command in commands.items() if setting.variable in _variables(command)]
    flags = ", ".join(f"`{flag}`" for flag in setting.flags)
    default = setting.shown or _default(setting.default)
    cells = (
        setting.name,
        flags,
        f"`{setting.variable}`",
        default,
        setting.help,
        ", ".join(verbs) or "every verb",
    )
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _variables(command: Any) -> set[str]:
    return {param.envvar for param in command.params if param.envvar}


def main() -> None:
    folder = Path.cwd() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{FOLDER / name}\n")


if __name__ == "__main__":
    main()
