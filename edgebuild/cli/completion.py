"""Print the completion script of a shell.

For bash: `edgebuild completion bash > ~/.local/share/bash-completion/completions/edgebuild`.
"""

from __future__ import annotations

import argparse

BASH = """\
_edgebuild() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]}}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{commands}" -- "$word")); return
  fi
  case "$command" in
{cases}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}}
complete -o filenames -F _edgebuild edgebuild
"""

FISH = "complete -c edgebuild -n __fish_use_subcommand -f -a {name} -d '{words}'"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The shell."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def options(command: str) -> list[str]:
    """Long options of a command, from its own parser."""
    from edgebuild.cli.main import command_parser

    found = command_parser(command)._option_string_actions
    return sorted(name for name in found if name.startswith("--"))


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    from edgebuild.cli.main import COMMANDS

    if args.shell == "fish":
        lines = [FISH.format(name=name, words=words.replace("'", "")) for name, words in COMMANDS.items()]
        for name in COMMANDS:
            lines += [
                f"complete -c edgebuild -n '__fish_seen_subcommand_from {name}' -l {option[2:]}"
                for option in options(name)
            ]
        print("\n".join(lines))
        return 0
    cases = "\n".join(f'    {name}) local options="{" ".join(options(name))}" ;;' for name in COMMANDS)
    if args.shell == "zsh":
        print("autoload -U +X bashcompinit && bashcompinit")
    print(BASH.format(commands=" ".join(COMMANDS), cases=cases), end="")
    return 0
