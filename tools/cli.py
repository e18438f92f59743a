# SPDX-License-Identifier: BSD-3-Clause
"""The command ``labroom``. A verb's module is imported when the verb is called, so help is instant."""

import importlib

import click

# verb -> (module, what it does)
VERBS: dict[str, tuple[str, str]] = {
    "hub": ("hub", "Start the hub: sign-in page, labs, hand-in, grading, on this machine."),
    "release": ("release", "Make the learners' version of a lab and prove that no solution is left in it."),
    "grade": ("grade", "Collect, grade and give feedback; account for every submission."),
    "receipt": ("receipt", "Check a hand-in receipt, with no server."),
    "exchange": ("exchange", "Back up or restore what has been handed in."),
    "rehearse": ("rehearse", "Play a whole class of invented teachers through a real hub."),
}


class LazyGroup(click.Group):
    """A group that knows its verbs by name and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in the order of a lab's path."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, imported now."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f".{VERBS[cmd_name][0]}", __package__)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing any of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="labroom")
def main() -> None:
    """Hands-on science labs: write, release, run, hand in, grade.

    Begin with `labroom hub`, then open the address it prints.
    `labroom VERB --help` explains one verb with examples.
    """
