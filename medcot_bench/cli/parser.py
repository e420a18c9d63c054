"""argparse's parser with errors in one line that names what is near, and `_` for `-` in flags."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from medcot_bench.errors import ConfigError, ConfigErrors, suggest, suggest_or_list


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ConfigErrors, so that `main` prints them as it does all others."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does. Raises ConfigErrors for all flags that this command does not have."""
        typed = [*(sys.argv[1:] if args is None else args)]
        found, others = super().parse_known_args(self._with_dashes(typed), namespace)
        if flags := [text.partition("=")[0] for text in others if text.startswith("-")]:
            known = {flag: action.help or "" for flag, action in self._option_string_actions.items()}
            command = self._command or self.prog
            raise ConfigErrors(f"{command} has no {flag}{suggest(flag, known) or self._help}" for flag in flags)
        if others:
            self.error(f"one argument too many: '{others[0]}'")
        return found, others

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError."""
        raise ConfigError(f"{self._where}{message}{self._help}")

    @property
    def _command(self) -> str:
        """The command that this parser is of, empty for the program's own."""
        return self.prog.partition(" ")[2]

    @property
    def _where(self) -> str:
        return f"{self._command}: " if self._command else ""

    @property
    def _help(self) -> str:
        return f"; see {self.prog} --help"

    def _with_dashes(self, typed: list[str]) -> list[str]:
        """Return what was typed, with `--output_dir` as `--output-dir` where that is a flag."""
        end = typed.index("--") if "--" in typed else len(typed)
        return [*map(self._with_dash, typed[:end]), *typed[end:]]

    def _with_dash(self, word: str) -> str:
        flag, equals, value = word.partition("=")
        dashed = flag.replace("_", "-")
        known = word.startswith("--") and dashed in self._option_string_actions
        return f"{dashed}{equals}{value}" if known else word

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise ConfigError for a value, or a command, that is not one of the choices."""
        if action.choices is None or value in action.choices:
            return
        commands = action.choices if isinstance(action.choices, Mapping) else {}
        known = {str(choice): "" for choice in action.choices}
        known |= {name: command.description for name, command in commands.items()}
        what = action.option_strings[-1] if action.option_strings else action.metavar or action.dest
        raise ConfigError(f"{self._where}unknown {what} '{value}'{suggest_or_list(str(value), known)}")
