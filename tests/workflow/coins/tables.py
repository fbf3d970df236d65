"""What the table of tossed coins says in words."""

from partial_backprop.report.tables import Context


def shares(context: Context) -> str:
    """How the coins are loaded."""
    found = {
        run.record.config.recipe["share"] for run in context.inputs.runs if run.key[0] == "coins"
    }
    return " and ".join(f"{100 * share:.0f} %" for share in sorted(found))
