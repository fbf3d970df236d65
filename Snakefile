# The entry: configuration, validation, rules in the order in which data flow, and what is wanted.
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# The package runs from its sources, here and in the jobs, whatever environment those run in. Jobs see
# no other packages than those of their environment: neither PYTHONPATH nor the user's own.
sys.path.insert(0, str(Path("src").resolve()))
shell.prefix(
    "unset ${{!PYTHON@}} CDPATH; " 'export PYTHONPATH="$PWD/src" PYTHONNOUSERSITE=1; '
)


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


container: "partial-backprop.sif"  # built from envs/apptainer.def; used by --sdm apptainer


include: "workflow/rules/common.smk"


if not SCALE.published:
    told(preflight.check, SCALE_NAME, configuration.CONFIG_DIR, SETTINGS.also)
    if workflow.is_main_process and (idle := told(configuration.without_scale)):
        print(f"note: {idle}", file=sys.stderr)

    include: "workflow/rules/runs.smk"


include: "workflow/rules/aggregate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/page.smk"
include: "workflow/rules/paper.smk"


localrules:
    all,
    tables,
    figures,
    page,
    paper,


rule all:
    default_target: True
    input:
        rules.paper.input,
        rules.tables.input,
        rules.figures.input,
        rules.page.input,
        rules.aggregate_records.output,
