# Aggregate: every record of the scale in tidy tables, for whoever wants to go on from there.
rule aggregate_records:
    input:
        records=records(experiments=EXPERIMENTS),
    output:
        runs=update(f"{RESULTS}/runs.csv"),
        layers=update(f"{RESULTS}/layers.csv"),
        histories=update(f"{RESULTS}/histories.csv"),
    log:
        f"{RESULTS}/logs/aggregate_records.log",
    group:
        "print"
    conda:
        "../../envs/environment.yaml"
    params:
        scale=SCALE_NAME,
        code=code("artifacts"),
    message:
        "All records in three tidy tables"
    shell:
        "python -m partial_backprop aggregate --scale {params.scale} --records {input.records}"
        " --out $(dirname {output.runs}) 2> {log}"
