"""The example of the page on summaries is what the command prints."""

from pathlib import Path

from partial_backprop import cli

PAGE = Path(__file__).parents[2] / "docs" / "summary.md"


def test_the_example_is_what_is_printed(capsys):
    command, *expected = PAGE.read_text(encoding="utf-8").split("```console\n$ ")[1].splitlines()
    expected = expected[: expected.index("```")]
    assert cli.main(command.split()[1:]) == 0
    assert capsys.readouterr().out.splitlines() == expected
